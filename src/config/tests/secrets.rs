#![expect(clippy::disallowed_methods, reason = "a test is no part of the machine")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering},
};

use secrecy::{ExposeSecret, SecretString};

use crate::config::secrets::{Secrets, load_or_create};

struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("belgie-secrets-{}", uuid::Uuid::now_v7())))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn entropy(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

#[test]
fn a_secret_is_made_once_and_kept_private() {
    let dir = Dir::new();
    let secret = load_or_create(&dir.0, &mut |bytes| bytes.fill(7)).unwrap();
    assert_eq!(secret.expose_secret(), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    assert_eq!((mode(&dir.0), mode(&dir.0.join("secret"))), (0o700, 0o600));
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1, "no draft is left behind");
    let again = load_or_create(&dir.0, &mut |_| panic!("it is there already")).unwrap();
    assert_eq!(secret.expose_secret(), again.expose_secret());
}

#[test]
fn processes_that_start_together_agree() {
    let dir = Dir::new();
    let secrets: Vec<String> = std::thread::scope(|scope| {
        let start = || load_or_create(&dir.0, &mut entropy).unwrap().expose_secret().to_owned();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| Some(secret) == secrets.first()));
}

#[test]
fn the_second_of_two_processes_takes_the_secret_of_the_first() {
    let dir = Dir::new();
    let calls = AtomicU8::new(0);
    // While the second gathers entropy, the first one finishes.
    let late = load_or_create(&dir.0, &mut |bytes| {
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            load_or_create(&dir.0, &mut |bytes| bytes.fill(1)).unwrap();
        }
        bytes.fill(2);
    });
    assert_eq!(late.unwrap().expose_secret(), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE");
}

#[test]
fn a_secret_others_can_read_is_refused_with_the_command_that_helps() {
    for shared in [0o640, 0o604, 0o620] {
        let dir = Dir::new();
        load_or_create(&dir.0, &mut entropy).unwrap();
        let path = dir.0.join("secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(shared)).unwrap();
        let problem = load_or_create(&dir.0, &mut entropy).unwrap_err();
        assert!(problem.remedy.starts_with(&format!("chmod 600 {}", path.display())), "{problem}");
    }
}

#[test]
fn a_damaged_secret_is_refused_and_not_replaced() {
    let dir = Dir::new();
    load_or_create(&dir.0, &mut entropy).unwrap();
    let path = dir.0.join("secret");
    for damaged in ["", "BwcHBwc", "!".repeat(43).as_str(), "x".repeat(5_000).as_str()] {
        fs::write(&path, damaged).unwrap();
        assert!(load_or_create(&dir.0, &mut entropy).is_err(), "{damaged}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

#[test]
fn a_directory_others_can_write_to_keeps_no_secret() {
    let dir = Dir::new();
    fs::create_dir(&dir.0).unwrap();
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o777)).unwrap();
    let problem = load_or_create(&dir.0, &mut entropy).unwrap_err();
    assert!(problem.message.contains("chmod 700"), "{problem}");
}

#[test]
fn every_purpose_has_a_key_of_its_own() {
    let secrets = Secrets::new(&SecretString::from("one"));
    assert_eq!(secrets.key("csrf").unwrap(), Secrets::new(&SecretString::from("one")).key("csrf").unwrap());
    assert_ne!(secrets.key("csrf").unwrap(), secrets.key("setup").unwrap());
    assert_ne!(secrets.key("csrf").unwrap(), Secrets::new(&SecretString::from("two")).key("csrf").unwrap());
    assert_eq!(format!("{secrets:?}"), "Secrets { .. }");
}
