//! Who looks at a page: sessions in cookies, and what keeps other sites from acting in their name.
//!
//! A cookie comes with a request whoever made the browser send it. So every form has a word that only our own pages know
//! ([`Visitor::csrf`]), and what a browser says about where a request comes from must not contradict it ([`Came`]).

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{COOKIE, ORIGIN, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use pkg::Sha256;
use service::{LoginKind, LoginRow, NewSession, ServiceError, User};

use crate::app::App;
use crate::body;
use crate::files::FileError;
use crate::guesses::Peer;
use crate::pages;
use crate::query::Query;
use crate::{address, incident};

/// Cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "kiln_session";

/// Cookie of somebody who is not logged in yet, so that the login form has a word of its own.
pub(crate) const VISITOR_COOKIE: &str = "kiln_visitor";

/// How long a browser stays logged in.
pub(crate) const PAGE_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);

/// Longest body of a form, in bytes.
const FORM_BYTES: u64 = 4 << 20;

/// Who looks at a page, logged in or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visitor {
    /// Who it is; `None` for a stranger.
    pub(crate) user: Option<User>,
    /// What every form of the page must send back in its field `csrf`; empty for a stranger who has no cookie, and then no
    /// form is taken.
    pub(crate) csrf: String,
    /// The session, for somebody who is logged in.
    pub(crate) session: Option<LoginRow>,
}

impl Visitor {
    /// Whether a form has the word that this visitor's pages have.
    pub(crate) fn check_csrf(&self, given: &str) -> bool {
        // Compared by digest: how long it takes says nothing about the word.
        !self.csrf.is_empty() && Sha256::of(self.csrf.as_bytes()) == Sha256::of(given.as_bytes())
    }

    /// The hidden field every form needs, as HTML.
    pub(crate) fn csrf_field(&self) -> String {
        format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", self.csrf)
    }

    /// Reads the cookies of a request.
    ///
    /// # Errors
    /// If the service fails.
    pub(crate) async fn of(headers: &HeaderMap, app: &App) -> Result<Self, ServiceError> {
        if let Some(secret) = cookie(headers, SESSION_COOKIE)
            && let Some(session) = app.service.session(secret).await?
            && session.kind == LoginKind::Page
        {
            return Ok(Self { user: Some(session.user.clone()), csrf: csrf_of(secret), session: Some(session) });
        }
        let stranger = cookie(headers, VISITOR_COOKIE).filter(|text| text.len() == 64);
        Ok(Self { user: None, csrf: stranger.map(csrf_of).unwrap_or_default(), session: None })
    }
}

/// The word of a secret; the other way round is impossible.
pub(crate) fn csrf_of(secret: &str) -> String {
    Sha256::of(format!("csrf\0{secret}").as_bytes()).to_string()
}

impl FromRequestParts<App> for Visitor {
    type Rejection = FileError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, FileError> {
        Ok(Self::of(&parts.headers, app).await?)
    }
}

/// A form that one of our own pages sent.
pub(crate) struct Posted {
    /// Who sent it.
    pub(crate) visitor: Visitor,
    /// Its fields.
    pub(crate) fields: Query,
    /// Where the connection comes from.
    pub(crate) peer: Option<Peer>,
    /// What the client calls itself.
    pub(crate) agent: String,
}

impl Posted {
    /// A field; the empty text if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_default()
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visitor = Visitor::of(&parts.headers, app).await.map_err(|error| FileError::from(error).into_response())?;
        let raw = body::read(body, FORM_BYTES)
            .await
            .map_err(|error| pages::refusal(error.status(), "The form could not be read", &incident::chain(&error)))?;
        let fields = Query::parse(Some(&String::from_utf8_lossy(&raw)));
        let foreign = Came::from(&parts.headers, &app.options.public_url) == Came::Elsewhere;
        if foreign || !visitor.check_csrf(fields.get("csrf").unwrap_or_default()) {
            return Err(pages::refusal(
                StatusCode::FORBIDDEN,
                "This form is not from here, or too old",
                "Nothing was changed. Go back, load the page again, and repeat what you did; your browser must keep cookies.",
            ));
        }
        let peer = parts.extensions.get::<Peer>().copied();
        Ok(Self { visitor, fields, peer, agent: agent(&parts.headers) })
    }
}

/// What the client calls itself.
pub(crate) fn agent(headers: &HeaderMap) -> String {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("unknown").to_owned()
}

/// What a client says about the page a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// From one of ours, or from nowhere: the person typed the address.
    Here,
    /// From somebody else's.
    Elsewhere,
    /// It says nothing: no browser of this decade.
    Unsaid,
}

impl Came {
    /// Reads `Sec-Fetch-Site`, which every browser sends to a trustworthy address, or `Origin`, which they send with every
    /// request that is not a plain `GET` (Fetch, sections 3.2 and 4.5; Fetch Metadata, section 2.4).
    pub(crate) fn from(headers: &HeaderMap, public_url: &str) -> Self {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let is = |here: bool| if here { Self::Here } else { Self::Elsewhere };
        if let Some(site) = headers.get("sec-fetch-site") {
            return is(matches!(text(site).as_str(), "same-origin" | "none"));
        }
        let Some(origin) = headers.get(ORIGIN).map(text) else { return Self::Unsaid };
        is(origin == address::base_url(headers, public_url) || origin == public_url)
    }

    /// Whether a session alone may change something: a browser must say that it comes from here; a command-line client,
    /// which sends no such thing, must at least not say the contrary.
    pub(crate) const fn may_write(self, kind: LoginKind) -> bool {
        match kind {
            LoginKind::Page => matches!(self, Self::Here),
            LoginKind::Client => !matches!(self, Self::Elsewhere),
        }
    }
}

/// The value of a cookie; the first, if there are several of that name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"'))
}

/// A cookie to keep for so long, or with `None` to forget. Only sent to us, never shown to scripts, and not sent with what
/// another site's page makes the browser do, but for following a link.
pub(crate) fn set_cookie(name: &str, value: &str, lifetime: Option<Duration>, public_url: &str) -> HeaderValue {
    let seconds = lifetime.map_or(0, |lifetime| lifetime.as_secs());
    let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// Opens a session of a browser; gives the cookie. The session the request came with ends: what somebody else may have
/// planted or seen before the login is worth nothing after it.
///
/// # Errors
/// If the service fails.
pub(crate) async fn log_in(app: &App, user: &User, before: &Visitor, agent: &str) -> Result<HeaderValue, ServiceError> {
    if let (Some(old), Some(owner)) = (&before.session, &before.user) {
        app.service.end_sessions(owner, &owner.name, Some(old.id)).await?;
    }
    let NewSession { secret, .. } = app.service.open_session(user, LoginKind::Page, agent, PAGE_LIFETIME).await?;
    Ok(set_cookie(SESSION_COOKIE, &secret, Some(PAGE_LIFETIME), &app.options.public_url))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn browsers_say_where_a_request_comes_from() {
        let of = |pairs: &[(&'static str, &'static str)]| Came::from(&headers(pairs), "https://kiln.example.org");
        assert_eq!(of(&[]), Came::Unsaid);
        for site in ["same-origin", "none"] {
            assert_eq!(of(&[("sec-fetch-site", site)]), Came::Here);
        }
        for site in ["same-site", "cross-site", "", "x"] {
            assert_eq!(of(&[("sec-fetch-site", site), ("origin", "https://kiln.example.org")]), Came::Elsewhere);
        }
        assert_eq!(of(&[("origin", "https://kiln.example.org")]), Came::Here);
        assert_eq!(of(&[("origin", "http://h:1"), ("host", "h:1")]), Came::Here);
        for origin in ["null", "", "http://kiln.example.org", "https://kiln.example.org.evil.example"] {
            assert_eq!(of(&[("origin", origin), ("host", "h:1")]), Came::Elsewhere, "{origin}");
        }
    }

    #[test]
    fn a_session_alone_changes_things_only_for_our_own_pages() {
        use LoginKind::{Client, Page};
        let may = |came: Came| (came.may_write(Page), came.may_write(Client));
        assert_eq!([Came::Here, Came::Unsaid, Came::Elsewhere].map(may), [(true, true), (false, true), (false, false)]);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let some = headers(&[("cookie", "a=1; kiln_session=\"abc\";b=2; kiln_session=z")]);
        assert_eq!(cookie(&some, SESSION_COOKIE), Some("abc"));
        assert_eq!(cookie(&some, "c"), None);
        assert_eq!(cookie(&headers(&[]), "a"), None);
    }

    #[test]
    fn cookies_are_for_us_alone() {
        let of = |lifetime, url| set_cookie("n", "v", lifetime, url).to_str().unwrap().to_owned();
        let minute = Some(Duration::from_secs(60));
        assert_eq!(of(minute, "http://h"), "n=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert_eq!(of(None, "https://h"), "n=v; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    }
}
