//! A person's browser: keeps cookies, fills in the real forms, follows redirects only when told.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode};
use url::Url;

use super::html::{Form, forms};

/// A browser with its cookies.
#[derive(Clone)]
pub struct Browser {
    base: String,
    client: Client,
    cookies: BTreeMap<String, String>,
    strict: BTreeSet<String>,
    address: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// Where the answer sends the browser.
    pub fn location(&self) -> String {
        let value =
            self.headers.get(LOCATION).unwrap_or_else(|| panic!("a redirect, not {}: {}", self.status, self.body));
        value.to_str().expect("a plain address").to_owned()
    }

    /// The form that is sent to this path.
    pub fn form(&self, action: &str) -> Form {
        let found = forms(&self.body).into_iter().find(|form| form.action == action);
        found.unwrap_or_else(|| panic!("no form for {action} on this page ({}): {}", self.status, self.body))
    }

    /// The page without what differs between any two: the request's id and this word.
    pub fn without(&self, word: &str) -> (StatusCode, String) {
        let id = self.headers["x-request-id"].to_str().expect("an id");
        (self.status, self.body.replace(id, "ID").replace(word, "WORD"))
    }

    /// A parameter of the address the answer sends the browser to.
    pub fn sent_parameter(&self, name: &str) -> Option<String> {
        let location = Url::parse(&self.location()).expect("an absolute address");
        location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Browser {
    pub fn new(base: &str) -> Self {
        // The gateway closes what is idle for ten seconds; on a busy machine a request could just miss that.
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(std::time::Duration::from_secs(5))
            .build()
            .expect("a client");
        Self { base: base.to_owned(), client, cookies: BTreeMap::new(), strict: BTreeSet::new(), address: None }
    }

    /// Puts the browser somewhere, for a gateway that trusts the proxy in between.
    pub fn at_address(mut self, ip: &str) -> Self {
        self.address = Some(ip.to_owned());
        self
    }

    /// The whole address of a path.
    pub fn address(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Page {
        self.send(self.client.get(self.address(path))).await
    }

    /// Follows a link of another site, or of a mail: cookies that are for our own pages alone stay at home (RFC 6265bis section
    /// 5.8.3).
    pub async fn follow(&mut self, link: &str) -> Page {
        let held_back: Vec<(String, String)> =
            self.strict.iter().filter_map(|name| self.cookies.remove_entry(name)).collect();
        let page = self.get(link).await;
        for (name, value) in held_back {
            self.cookies.entry(name).or_insert(value);
        }
        page
    }

    /// Sends fields as a form.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.client.post(self.address(path)).form(fields)).await
    }

    /// Sends a form of a page, with some fields filled in.
    pub async fn submit(&mut self, form: &Form, filled: &[(&str, &str)]) -> Page {
        let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        fields.retain(|(name, _)| !filled.iter().any(|(other, _)| other == name));
        fields.extend_from_slice(filled);
        self.post(&form.action, &fields).await
    }

    /// Sends any request with the cookies of this browser.
    pub async fn send(&mut self, request: RequestBuilder) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let request = match &self.address {
            Some(ip) => request.header("x-forwarded-for", ip),
            None => request,
        };
        let response = request.send().await.expect("the gateway answers");
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.keep(cookie.to_str().expect("a plain cookie"));
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Page { status, headers, body: response.text().await.expect("a text") }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').expect("a cookie has a value");
        if attributes.contains("SameSite=Strict") {
            self.strict.insert(name.to_owned());
        }
        if attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// A request builder of this browser's client, without its cookies.
    pub fn raw(&self) -> &Client {
        &self.client
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// The names of its cookies.
    pub fn cookie_names(&self) -> Vec<String> {
        self.cookies.keys().cloned().collect()
    }

    /// Puts a cookie there by hand.
    pub fn plant(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Signs in through the page.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Page {
        let form = self.get("/auth/signin").await.form("/auth/signin");
        self.submit(&form, &[("email", email), ("password", password)]).await
    }

    /// Opens a page, fills in the form on it that goes to a path, and sends it there.
    pub async fn fill(&mut self, page: &str, action: &str, filled: &[(&str, &str)]) -> Page {
        let form = self.get(page).await.form(action);
        self.submit(&form, filled).await
    }

    /// Sends the fields of the sign-in form to another address, as its other buttons do.
    pub async fn press(&mut self, action: &str, email: &str, return_to: Option<&str>) -> Page {
        let mut form = self.get("/auth/signin").await.form("/auth/signin");
        form.action = action.to_owned();
        let mut filled = vec![("email", email), ("password", "")];
        filled.extend(return_to.map(|path| ("return_to", path)));
        self.submit(&form, &filled).await
    }

    /// Whether somebody is signed in.
    pub async fn is_signed_in(&mut self) -> bool {
        self.get("/account").await.status == StatusCode::OK
    }
}
