use super::{RedirectFault, RedirectKind, RedirectUri, form_action_of, host_of, is_elsewhere, kind_of};

#[test]
fn what_a_client_may_name_and_what_not() {
    use RedirectFault::*;
    let table: &[(&str, Result<(), RedirectFault>)] = &[
        ("https://app.example/cb", Ok(())),
        ("https://app.example", Ok(())),
        ("https://app.example:8443/cb?tenant=1", Ok(())),
        ("http://127.0.0.1/cb", Ok(())),
        ("http://127.0.0.1:3000/cb", Ok(())),
        ("http://localhost:65535", Ok(())),
        ("http://[::1]:3000/cb", Ok(())),
        ("com.example.app:/cb", Ok(())),
        ("com.example.app://cb", Ok(())),
        ("cursor://anysphere.cursor-mcp/oauth/callback", Ok(())),
        ("vscode-insiders://vscode.github-authentication/did-authenticate", Ok(())),
        ("", Err(Length)),
        ("/cb", Err(NotAbsolute)),
        ("app.example/cb", Err(NotAbsolute)),
        ("HTTPS://app.example/cb", Err(NotAbsolute)),
        ("https:app.example/cb", Err(NotAbsolute)),
        ("https:///app.example/cb", Err(NotAbsolute)),
        ("https://", Err(NotAbsolute)),
        ("https://app.example/cb#", Err(Fragment)),
        ("https://app.example/cb#x", Err(Fragment)),
        ("https://me@app.example/cb", Err(UserInfo)),
        ("https://me:secret@app.example/cb", Err(UserInfo)),
        ("https://@app.example/cb", Err(UserInfo)),
        ("http://127.0.0.1@evil.example/cb", Err(UserInfo)),
        ("http://localhost:80@evil.example/cb", Err(UserInfo)),
        ("com.example.app://me@cb", Err(UserInfo)),
        ("https://app.example/cb?code=1", Err(Reserved)),
        ("https://app.example/cb?%73tate=1", Err(Reserved)),
        ("https://app.example/c b", Err(Characters)),
        ("https://app.example\\@evil.example/", Err(Characters)),
        ("https://app.example/\r\nSet-Cookie:x", Err(Characters)),
        ("https://äpp.example/cb", Err(Characters)),
        ("https://app.example/<script>", Err(Characters)),
        ("http://app.example/cb", Err(PlainHttp)),
        ("http://127.0.0.1.evil.example/cb", Err(PlainHttp)),
        ("http://localhost.evil.example/cb", Err(PlainHttp)),
        ("http://127.0.0.2/cb", Err(PlainHttp)),
        ("http://2130706433/cb", Err(PlainHttp)),
        ("http://127.1/cb", Err(PlainHttp)),
        ("http://0.0.0.0/cb", Err(PlainHttp)),
        ("http://169.254.169.254/latest", Err(PlainHttp)),
        ("http://[::ffff:127.0.0.1]/cb", Err(PlainHttp)),
        ("http://127.0.0.1:0/cb", Err(PlainHttp)),
        ("https://169.254.169.254/latest", Err(Host)),
        ("https://0xA9FEA9FE/latest", Err(Host)),
        ("https://[fe80::1]/cb", Err(Host)),
        ("https://[::ffff:169.254.169.254]/cb", Err(Host)),
        ("https://0.0.0.0/cb", Err(Host)),
        ("https://*/cb", Err(Host)),
        ("https://app.example;sandbox/cb", Err(Host)),
        ("https://app.example,evil.example/cb", Err(Host)),
        ("https://app_1.xn--pp-wia.example/cb", Ok(())),
        ("javascript:alert(1)", Err(Dangerous)),
        ("data:text/html,x", Err(Dangerous)),
        ("file:///etc/passwd", Err(Dangerous)),
        ("vbscript:x", Err(Dangerous)),
        ("blob:https://app.example/1", Err(Dangerous)),
        ("about:blank", Err(Dangerous)),
        ("myapp://cb", Err(UnknownScheme)),
        ("mailto:me", Err(UnknownScheme)),
        ("intent://x", Err(UnknownScheme)),
    ];
    for (text, expected) in table {
        assert_eq!(RedirectUri::read(text).map(drop), *expected, "{text}");
    }
    let long = |length: usize| format!("https://a.example/{}", "a".repeat(length - "https://a.example/".len()));
    assert!(RedirectUri::read(&long(512)).is_ok());
    assert_eq!(RedirectUri::read(&long(513)), Err(Length));
}

#[test]
fn an_answer_goes_only_where_the_client_said() {
    let table: &[(&str, &str, bool)] = &[
        ("https://app.example/cb", "https://app.example/cb", true),
        ("https://app.example/cb", "https://app.example/cb/", false),
        ("https://app.example/cb/", "https://app.example/cb", false),
        ("https://app.example", "https://app.example/", false),
        ("https://app.example/cb", "https://app.example/CB", false),
        ("https://app.example/cb", "https://APP.example/cb", false),
        ("https://app.example/cb", "https://app.example:443/cb", false),
        ("https://app.example/cb", "https://app.example:8443/cb", false),
        ("https://app.example/cb", "https://app.example.evil.example/cb", false),
        ("https://app.example/cb", "https://app.example@evil.example/cb", false),
        ("https://app.example/cb", "https://evil.example/cb", false),
        ("https://app.example/cb", "http://app.example/cb", false),
        ("https://app.example/cb", "https://app.example/cb?x=1", false),
        ("https://app.example/cb", "https://app.example/cb#x", false),
        ("https://app.example/cb", "https://app.example/x/../cb", false),
        ("https://app.example/cb", "javascript:alert(1)", false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true),
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1:51004/cb", true),
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1/cb", true),
        ("http://[::1]/cb", "http://[::1]:51004/cb", true),
        ("http://localhost/cb", "http://localhost:51004/cb", true),
        ("http://localhost/cb", "http://127.0.0.1:51004/cb", false),
        ("http://127.0.0.1/cb", "http://localhost:51004/cb", false),
        ("http://127.0.0.1/cb", "http://[::1]:51004/cb", false),
        ("http://localhost/cb", "http://localhost:51004/cb/", false),
        ("http://localhost/cb", "http://localhost:51004/other", false),
        ("http://localhost/cb", "http://localhost:51004/cb?x=1", false),
        ("http://localhost/cb", "https://localhost:51004/cb", false),
        ("http://localhost/cb", "http://LOCALHOST:51004/cb", false),
        ("http://localhost/cb", "http://localhost:51004@evil.example/cb", false),
        ("http://localhost/cb", "http://localhost.evil.example/cb", false),
        ("http://localhost/cb", "http://localhost:0/cb", false),
        ("http://localhost/cb", "http://localhost:70000/cb", false),
        ("http://localhost/cb", "http://localhost:/cb", false),
        ("http://localhost/cb", "http://localhost:5\t1/cb", false),
        ("http://127.0.0.1", "http://127.0.0.1:51004/", false),
        ("http://127.0.0.1", "http://127.0.0.1:51004", true),
        ("cursor://x/cb", "cursor://x:1/cb", false),
    ];
    for (own, asked, expected) in table {
        assert_eq!(RedirectUri::read(own).unwrap().allows(asked), *expected, "{own} <- {asked}");
    }
}

#[test]
fn the_consent_page_learns_where_the_answer_goes() {
    assert_eq!(host_of("https://app.example:8443/cb"), "app.example");
    assert_eq!(host_of("http://127.0.0.1:4000/cb"), "127.0.0.1");
    assert_eq!(host_of("cursor://x/cb"), "the app behind cursor:");
    assert_eq!(kind_of("http://[::1]:1/cb"), RedirectKind::Loopback);
    assert_eq!(kind_of("com.example:/cb"), RedirectKind::PrivateUse);
    assert_eq!(form_action_of("https://app.example:8443/cb").unwrap(), "https://app.example:8443");
    assert_eq!(form_action_of("http://127.0.0.1:4000/cb").unwrap(), "http://127.0.0.1:4000");
    assert_eq!(form_action_of("http://[::1]:4000/cb").unwrap(), "http:");
    assert_eq!(form_action_of("cursor://x/cb").unwrap(), "cursor:");
}

#[test]
fn the_own_machine_is_nowhere_on_the_web_whatever_the_scheme() {
    for elsewhere in
        ["https://app.example/cb", "https://localhost.example/cb", "https://192.0.2.1/cb", "https://[2001:db8::1]/cb"]
    {
        assert!(RedirectUri::read(elsewhere).is_ok() && is_elsewhere(elsewhere), "{elsewhere}");
    }
    for own in [
        "http://127.0.0.1/cb",
        "http://localhost/cb",
        "com.example.app:/cb",
        "https://localhost/cb",
        "https://localhost./cb",
        "https://LOCALHOST:8443/cb",
        "https://app.localhost/cb",
        "https://127.0.0.1/cb",
        "https://127.1/cb",
        "https://127.9.9.9/cb",
        "https://[::1]/cb",
        "https://[::ffff:127.0.0.1]/cb",
    ] {
        assert!(RedirectUri::read(own).is_ok() && !is_elsewhere(own), "{own}");
    }
}
