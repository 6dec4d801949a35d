use std::path::PathBuf;
use std::time::Duration;

use tidings_auth::{Authorizer, AuthorizerError, AuthorizerSecret, AuthorizerUrl, UrlError};
use toml::Value;

use crate::settings::auth::secret::{Secret, read_key};
use crate::settings::given::Given;
use crate::settings::keys::keys_of;
use crate::settings::value;

const ONE_SECRET: &str = "one of authorizer.secret and authorizer.secret_file signs the questions";

/// How many there may be at a time: an old one and a new one, and some for those who lose count.
const MOST_SECRETS: usize = 4;

/// What a file of secrets is to have.
const FILE: &str =
    "it must have a secret on each line, such as `echo \"whsec_$(openssl rand -base64 32)\"` makes";

/// `[authorizer]`: an application that decides who may come. Without it, credentials alone do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuthorizerSettings {
    /// `url`: where it is asked.
    pub(in crate::settings) url: String,
    /// `allow_http`: also without TLS on another machine. Default false.
    pub(in crate::settings) allow_http: bool,
    /// `secret` or `secret_file`: what questions are signed with, 1 to 4.
    secrets: Vec<Secret>,
    /// The file that the secrets are from, if they are not in the settings.
    pub(in crate::settings) secret_file: Option<PathBuf>,
    /// `ttl`: how long an answer holds. 1 s to 1 h, default 1 min.
    pub(crate) ttl: Duration,
    /// `timeout`: how long an answer may take. 100 ms to 30 s, and at most half of `ttl`; default 2 s.
    pub(crate) timeout: Duration,
}

impl AuthorizerSettings {
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        let first = keys_of("authorizer").find(|key| given.has(key))?;
        let allow_http = given.read("authorizer.allow_http", value::flag, false);
        let second = Duration::from_secs(1);
        let ttl = value::duration(second..=second * 3600);
        let ttl = given.read("authorizer.ttl", ttl, second * 60);
        let timeout = value::duration(second / 10..=second * 30);
        let bounded = |value: &Value| match timeout(value)? {
            timeout if timeout * 2 > ttl => {
                Err("must be at most half of authorizer.ttl".to_owned())
            }
            timeout => Ok(timeout),
        };
        // Half of the least that `ttl` can be is shorter than what is usual.
        let usual = (second * 2).min(ttl / 2);
        let timeout = given.read("authorizer.timeout", bounded, usual);
        if !given.has("authorizer.url") {
            let problem = format!("is missing beside {first}: where the application is asked");
            given.refuse("authorizer.url", problem);
        }
        let url = |value: &Value| {
            let text = value::text(value)?;
            url(text, allow_http).map(|_| Some(text.to_owned()))
        };
        let url = given.read("authorizer.url", url, None);
        let file = given.has("authorizer.secret_file");
        if file == given.has("authorizer.secret") {
            let fault = if file { "is not alone" } else { "is missing" };
            given.refuse("authorizer.secret", format_args!("{fault}: {ONE_SECRET}"));
        }
        let own = given.read("authorizer.secret", own_secrets, None);
        let from_file = given.read("authorizer.secret_file", secrets_from_file, None);
        let (secrets, secret_file) = match (own, from_file) {
            (Some(secrets), _) => (secrets, None),
            (None, from_file) => from_file.map(|(secrets, file)| (secrets, Some(file)))?,
        };
        Some(Self {
            url: url?,
            allow_http,
            secrets,
            secret_file,
            ttl,
            timeout,
        })
    }

    /// What asks it.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be used.
    pub(crate) fn client(&self) -> Result<Authorizer, AuthorizerError> {
        let tried = "it was tried when it was read";
        let url = url(&self.url, self.allow_http).expect(tried);
        let mut secrets = self.secrets.iter().map(|secret| {
            let secret = secret.as_str().parse::<AuthorizerSecret>();
            secret.expect(tried)
        });
        let first = secrets.next().expect("there is one at least");
        let authorizer = Authorizer::new(url, first, self.timeout)?;
        Ok(secrets.fold(authorizer, Authorizer::also_signed_with))
    }
}

fn url(text: &str, allow_http: bool) -> Result<AuthorizerUrl, String> {
    let url = match allow_http {
        true => AuthorizerUrl::allowing_http(text),
        false => AuthorizerUrl::new(text),
    };
    url.map_err(|error| match error {
        UrlError::NotHttps => {
            "must be https; http is for this machine, or for a network that is trusted, \
                               with authorizer.allow_http = true"
                .to_owned()
        }
        error => error.to_string(),
    })
}

fn own_secrets(value: &Value) -> Result<Option<Vec<Secret>>, String> {
    so_many(value::list(secret)(value)?).map(Some)
}

/// What a file has, one on each line.
fn secrets_from_file(value: &Value) -> Result<Option<(Vec<Secret>, PathBuf)>, String> {
    let file = value::file(value)?;
    let text = read_key(&file, FILE)?;
    let lines = text.lines().filter(|line| !line.is_empty());
    let secrets = so_many(lines.map(secret).collect::<Result<_, _>>()?);
    let secrets = secrets.map_err(|problem| format!("{problem}: {FILE}"))?;
    Ok(Some((secrets, file)))
}

fn so_many(secrets: Vec<Secret>) -> Result<Vec<Secret>, String> {
    match secrets.len() {
        1..=MOST_SECRETS => Ok(secrets),
        number => Err(format!("must be 1 to {MOST_SECRETS} secrets, not {number}")),
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    let parsed = text.parse::<AuthorizerSecret>();
    parsed
        .map(|_| Secret::new(text))
        .map_err(|error| error.to_string())
}
