//! A small browser: it keeps cookies, reads forms and links from the pages, and goes one step at a time.

use std::collections::BTreeMap;

use cookie::Cookie;
use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE, USER_AGENT};
use reqwest::{Method, RequestBuilder, StatusCode};
use url::Url;

use super::expect::{Broken, expect};
use super::html::{self, Form};
use super::wire::{Reply, Wire};

/// Where a gateway shows its letters while somebody develops.
const OUTBOX: &str = "/dev/outbox";
const NAME: &str = "Mozilla/5.0 (belgie demo)";

/// The browser of one person, for one site.
#[derive(Debug)]
pub struct Browser {
    wire: Wire,
    site: Url,
    cookies: BTreeMap<String, String>,
}

/// What a browser shows, or the redirect it was answered with.
#[derive(Clone, Debug)]
pub struct Page {
    url: Url,
    reply: Reply,
}

impl Browser {
    /// A browser that has never been anywhere.
    pub fn new(wire: Wire, site: &Url) -> Self {
        Self { wire, site: site.clone(), cookies: BTreeMap::new() }
    }

    /// Opens an address of the site.
    ///
    /// # Errors
    /// When it is an address elsewhere, or no answer comes.
    pub async fn open(&mut self, url: &Url) -> Result<Page, Broken> {
        let request = self.wire.request(Method::GET, url).header("Sec-Fetch-Site", "none");
        self.go(url, request).await
    }

    /// Sends a form of a page.
    ///
    /// # Errors
    /// When it would go elsewhere, or no answer comes.
    pub async fn send(&mut self, page: &Page, form: &Form) -> Result<Page, Broken> {
        let url = page.resolve(&form.action)?;
        let request = self
            .wire
            .request(Method::POST, &url)
            .header(ORIGIN, self.site.origin().ascii_serialization())
            .header("Sec-Fetch-Site", "same-origin")
            .form(&form.fields);
        self.go(&url, request).await
    }

    /// Takes one redirect.
    ///
    /// # Errors
    /// When the page is no redirect within the site, or no answer comes.
    pub async fn follow(&mut self, page: &Page) -> Result<Page, Broken> {
        self.open(&page.redirect()?).await
    }

    /// Looks into the outbox of the gateway, where letters are while nobody delivers them, and gives the newest link that
    /// leads to this path.
    ///
    /// # Errors
    /// When no letter has one.
    pub async fn letter_link(&mut self, path: &str) -> Result<Url, Broken> {
        let outbox = self.site.join(OUTBOX).map_err(|error| Broken::new("an address", error.to_string()))?;
        let list = self.open(&outbox).await?;
        let letters: Vec<Url> =
            list.links().filter(|link| link.path().starts_with(OUTBOX) && link.path() != OUTBOX).collect();
        for letter in letters {
            let found = self.open(&letter).await?.links().find(|link| link.path() == path);
            if let Some(link) = found {
                return Ok(link);
            }
        }
        Err(Broken::new(format!("a letter with a link to {path}"), "none in the outbox"))
    }

    async fn go(&mut self, url: &Url, request: RequestBuilder) -> Result<Page, Broken> {
        // Cookies belong to the site alone.
        expect(url.origin() == self.site.origin(), "an address of the gateway", || url.origin().ascii_serialization())?;
        let mut request = request.header(ACCEPT, "text/html").header(USER_AGENT, NAME);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let reply = self.wire.ask(request).await?;
        self.keep_cookies(&reply);
        Ok(Page { url: url.clone(), reply })
    }

    fn keep_cookies(&mut self, reply: &Reply) {
        let lines = reply.headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        for cookie in lines.filter_map(|line| Cookie::parse(line).ok()) {
            if cookie.max_age().is_some_and(|age| !age.is_positive()) {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }
}

impl Page {
    /// The path of the address, without what may be secret in it.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Demands that the page says this.
    ///
    /// # Errors
    /// When it does not, or is none that people see.
    pub fn expect_words(&self, words: &str) -> Result<(), Broken> {
        self.reply.expect_status(StatusCode::OK)?;
        expect(self.reply.body.contains(words), &format!("a page that says \"{words}\""), || self.describe())
    }

    /// A header of the answer; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.reply.header(name)
    }

    /// The address, without its query.
    pub fn address(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url
    }

    /// Where the browser is sent.
    ///
    /// # Errors
    /// When the page is no redirect (RFC 9110 section 15.4).
    pub fn redirect(&self) -> Result<Url, Broken> {
        let location = self.reply.header(LOCATION.as_str());
        let is_redirect = matches!(self.reply.status, StatusCode::FOUND | StatusCode::SEE_OTHER);
        expect(is_redirect && !location.is_empty(), "a redirect", || self.describe())?;
        self.resolve(location)
    }

    /// A form of this page that has a field of this name.
    ///
    /// # Errors
    /// When the page is none that people see, or has no such form.
    pub fn form_with(&self, field: &str) -> Result<Form, Broken> {
        self.find_form(&format!("a form with the field `{field}`"), |form| form.has(field))
    }

    /// A form of this page that has this button.
    ///
    /// # Errors
    /// As [`form_with`](Self::form_with).
    pub fn form_with_button(&self, name: &str, value: &str) -> Result<Form, Broken> {
        let is_button = |(known, means): &(String, String)| known == name && means == value;
        self.find_form(&format!("a form with the button {name}={value}"), |form| form.buttons.iter().any(is_button))
    }

    /// A form of this page that asks nothing but to be sent: its only field is its forgery token.
    ///
    /// # Errors
    /// As [`form_with`](Self::form_with).
    pub fn form_without_fields(&self) -> Result<Form, Broken> {
        let own = self.path().to_owned();
        self.find_form("a form that only asks to be sent", |form| form.fields.len() == 1 && form.action == own)
    }

    /// A link of this page that leads to this path.
    ///
    /// # Errors
    /// When there is none.
    pub fn link_to(&self, path: &str) -> Result<Url, Broken> {
        self.reply.expect_status(StatusCode::OK)?;
        self.links()
            .find(|link| link.path() == path)
            .ok_or_else(|| Broken::new(format!("a link to {path}"), format!("none on the page {}", self.path())))
    }

    /// The link of this page with these words.
    ///
    /// # Errors
    /// When there is none.
    pub fn link_named(&self, words: &str) -> Result<Url, Broken> {
        self.reply.expect_status(StatusCode::OK)?;
        let link = html::link_named(&self.reply.body, words);
        let link =
            link.ok_or_else(|| Broken::new(format!("a link \"{words}\""), format!("none on the page {}", self.path())));
        self.resolve(&link?)
    }

    /// All addresses that this page links to.
    pub fn links(&self) -> impl Iterator<Item = Url> {
        html::links(&self.reply.body).filter_map(|link| self.resolve(&link).ok())
    }

    fn find_form(&self, what: &str, is_it: impl Fn(&Form) -> bool) -> Result<Form, Broken> {
        self.reply.expect_status(StatusCode::OK)?;
        let form = html::forms(&self.reply.body).into_iter().find(is_it);
        form.ok_or_else(|| Broken::new(what, format!("none on the page {}", self.path())))
    }

    fn resolve(&self, reference: &str) -> Result<Url, Broken> {
        self.url.join(reference).map_err(|error| Broken::new("an address", error.to_string()))
    }

    fn describe(&self) -> String {
        format!("{}, for {}", self.reply.describe(), self.path())
    }
}

impl Form {
    /// Writes into a field that the form has.
    ///
    /// # Errors
    /// When it has no such field.
    pub fn fill(&mut self, name: &str, value: &str) -> Result<(), Broken> {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        let (_, text) = field.ok_or_else(|| {
            Broken::new(format!("a field `{name}` in the form"), format!("none in the form for {}", self.action))
        })?;
        value.clone_into(text);
        Ok(())
    }

    /// Ticks a box or a radio button that the form has.
    ///
    /// # Errors
    /// When there is none with this value.
    pub fn tick(&mut self, name: &str, value: &str) -> Result<(), Broken> {
        let choice =
            self.options.iter().find(|choice| choice.name == name && choice.value == value).ok_or_else(|| {
                Broken::new(
                    format!("a choice {name}={value} in the form"),
                    format!("none in the form for {}", self.action),
                )
            })?;
        if choice.is_radio {
            self.fields.retain(|(known, _)| known != name);
        }
        self.fields.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Presses a button that the form has, so that it is sent along.
    pub fn press(&mut self, name: &str, value: &str) {
        let button = self.buttons.iter().find(|(known, means)| known == name && means == value);
        self.fields.extend(button.cloned());
    }
}
