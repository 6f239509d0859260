use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use belgie_api::clock::SystemClock;
use belgie_api::context::UserContext;
use belgie_api::entropy::SystemEntropy;
use belgie_api::id::UserId;
use belgie_api::plugin::Template;
use belgie_api::ports::{Pages, SiteLinks};
use belgie_api::scope::ScopeSet;
use belgie_api::settings::Problems;
use belgie_api::web::{RequestInfo, Visitor};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::{CORE, PagesSettings, SitePages, context};

const GREETING: Template = Template {
    name: "greeter/greeting.html",
    source: "<p>Hello {{ name }}</p>",
    samples: r#"[{"name": "Ada"}, {"name": "<script>"}]"#,
};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let unique = UserId::new(&SystemClock, &SystemEntropy);
        let folder = Self(std::env::temp_dir().join(format!("belgie-pages-{unique}")));
        fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in files {
            let path = folder.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load(override_folder: Option<&Folder>, templates: &[Template]) -> Result<SitePages, Problems> {
    let override_folder = override_folder.map(|folder| folder.0.clone());
    SitePages::load(
        PagesSettings { site_name: "Tool Shed".to_owned(), links: SiteLinks::default(), override_folder },
        templates.to_vec(),
    )
}

/// Every problem as `path: message`, with the folder left out.
fn problems(folder: Option<&Folder>, templates: &[Template]) -> Vec<String> {
    let found = load(folder, templates).err().unwrap_or_default();
    let root = folder.map(|folder| format!("{}/", folder.0.display())).unwrap_or_default();
    let strip = |path: &str| path.strip_prefix(&root).unwrap_or(path).to_owned();
    found.iter().map(|problem| format!("{}: {}", strip(&problem.path), problem.message)).collect()
}

fn stranger() -> Visitor {
    let info = RequestInfo { id: "req_1".into(), ip: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    Visitor { info, caller: None, csrf_token: "forgery<token>".into(), browser: "browser".into(), is_fresh: false }
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn every_page_of_ours_renders_with_every_sample() {
    assert_eq!(problems(None, &[GREETING]), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_is_html_that_knows_the_site_the_sheet_and_the_visitor() {
    let pages = load(None, &[]).unwrap();
    let context = json!({"status": 404, "title": "Not here", "message": "<script>alert(1)</script>", "hint": null});
    let response = pages.page(&stranger(), "error.html", "Not found", context).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");

    let html = text(response).await;
    assert!(html.contains("Not found · Tool Shed</title>"), "{html}");
    assert!(html.contains("req_1"), "{html}");
    let sheet = pages.assets().css_url().rsplit('/').next().unwrap();
    assert!(html.contains(sheet), "{html}");
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn the_samples_promise_exactly_what_a_page_is_told() {
    let visitor = stranger();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let ada = UserContext {
        id: UserId::new(&SystemClock, &SystemEntropy),
        email: "ada@example.org".to_owned(),
        email_verified: true,
        name: String::new(),
        scopes: ScopeSet::default(),
    };
    let told = context::page(&visitor, "Title", "Site", "/assets/belgie.css", &SiteLinks::default());
    assert_eq!(context::user(&ada)["initial"], "A");
    // Mails are told other things.
    for template in CORE.iter().filter(|template| !template.name.starts_with("mail/")) {
        let samples: Vec<serde_json::Value> = serde_json::from_str(template.samples).unwrap();
        for page in samples.iter().map(|sample| &sample["page"]) {
            assert_eq!(keys(page), keys(&told), "{}", template.name);
            if page["user"].is_object() {
                assert_eq!(keys(&page["user"]), keys(&context::user(&ada)), "{}", template.name);
            }
        }
    }
}

#[test]
fn what_people_wrote_is_escaped_whatever_the_template_is_called() {
    let odd = Template { name: "greeter/greeting.txt", ..GREETING };
    let pages = load(None, &[GREETING, odd]).unwrap();
    for name in ["greeter/greeting.html", "greeter/greeting.txt"] {
        let html = pages.fragment(name, json!({"name": "<script>\"'&"})).unwrap();
        assert_eq!(html, "<p>Hello &lt;script&gt;&quot;&#x27;&amp;</p>");
    }
}

#[test]
fn a_context_that_lacks_something_is_an_error_and_not_a_gap() {
    let pages = load(None, &[GREETING]).unwrap();
    let failure = pages.fragment("greeter/greeting.html", json!({"nmae": "Ada"})).unwrap_err();
    assert_eq!(failure.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failure.private_source().unwrap().contains("undefined"), "{failure:?}");
    assert!(pages.fragment("greeter/missing.html", json!({})).is_err());
    assert!(pages.page(&stranger(), "error.html", "Title", json!(["no object"])).is_err());
}

#[tokio::test]
async fn a_file_of_the_same_name_takes_the_place_of_ours() {
    let folder = Folder::with(&[
        ("error.html", "<h1>{{ status }} at {{ page.site_name }}</h1>"),
        ("greeter/greeting.html", "<p>Moin {{ name }}</p>"),
        ("belgie.css", "body { color: teal }"),
        (".gitignore", "*~"),
    ]);
    let pages = load(Some(&folder), &[GREETING]).unwrap();
    let response = pages.page(&stranger(), "error.html", "Title", json!({"status": 404})).unwrap();
    assert_eq!(text(response).await, "<h1>404 at Tool Shed</h1>");
    assert_eq!(pages.fragment("greeter/greeting.html", json!({"name": "Ada"})).unwrap(), "<p>Moin Ada</p>");
    assert_ne!(pages.assets().css_url(), load(None, &[]).unwrap().assets().css_url());
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let folder = Folder::with(&[
        ("base.html", "{% if %}"),
        ("erorr.html", "a slip of the pen"),
        ("greeter/greeting.html", "<p>Hello {{ surname }}</p>"),
        ("greeter/old/greeting.html", "too deep"),
    ]);
    let broken = Template {
        name: "greeter/broken.html",
        source: "{{ a.b.c }}",
        samples: r#"[{"a": {"b": {"c": 1}}}, {"a": {}}]"#,
    };
    let no_list = Template { name: "greeter/no_list.html", source: "", samples: "{}" };
    let no_template = Template { name: "greeter/no_template.html", source: "{% endfor %}", samples: "[]" };
    let twice = Template { name: "error.html", ..GREETING };
    let found = problems(Some(&folder), &[GREETING, broken, no_list, no_template, twice]);
    let expected = [
        "greeter/old: no template lies this deep",
        "base.html: syntax error",
        "template greeter/no_template.html: syntax error",
        "template error.html: there are two templates of this name",
        "greeter/greeting.html: sample 1 does not render: undefined value",
        "greeter/greeting.html: sample 2 does not render: undefined value",
        "template greeter/broken.html: sample 2 does not render: undefined value",
        "template greeter/no_list.html: its samples are not a JSON list",
        "erorr.html: there is no template `erorr.html` whose place this file could take",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} should begin with {expected:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_a_problem() {
    let folder = Folder::with(&[]);
    fs::remove_dir_all(&folder.0).unwrap();
    assert_eq!(problems(Some(&folder), &[]).len(), 1);
    let folder = Folder::with(&[]);
    fs::write(folder.0.join("error.html"), b"\xff\xfe").unwrap();
    assert_eq!(problems(Some(&folder), &[]).len(), 1);
}

#[tokio::test]
async fn the_sheet_is_served_at_the_address_of_its_content_and_kept_for_ever() {
    let folder = Folder::with(&[("belgie.css", "body{}")]);
    let assets = load(Some(&folder), &[]).unwrap().assets().clone();
    assert_eq!(assets.css_url(), "/assets/belgie-7c98040a54165758.css");
    let get = |path: &str| assets.router().oneshot(Request::get(path).body(Body::empty()).unwrap());

    let response = get(assets.css_url()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/css; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(text(response).await, "body{}");
    assert_eq!(get("/assets/belgie-0000000000000000.css").await.unwrap().status(), StatusCode::NOT_FOUND);
}
