//! A certificate from an ACME server.

use std::net::IpAddr;
use std::path::PathBuf;

use http::Uri;
use toml::Value;

use crate::settings::given::{Given, Level};
use crate::settings::keys::keys_of;
use crate::settings::storage::Storage;
use crate::settings::value;

/// The folder below that of the history, unless another one is named.
const DEFAULT_FOLDER: &str = "acme";

/// That of Let's Encrypt.
const DEFAULT_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// As many as Let's Encrypt puts into one certificate.
const MOST_DOMAINS: usize = 100;

/// `[tls.acme]`: a certificate from an ACME server, to whose terms of service `agree_to_terms = true` agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AcmeSettings {
    /// `domains`: the names that the certificate is for, 1 to 100; in lower case and in order.
    pub(crate) domains: Vec<String>,
    /// `contact`: where the authority reaches whoever runs the hub, as a `mailto:` address. Default: nowhere.
    pub(crate) contact: Option<String>,
    /// `directory`: where the server is, by HTTPS. Default that of Let's Encrypt.
    pub(crate) directory: String,
    /// `directory_ca_file`: PEM of the authorities by which the server is known. Default: those of the system.
    pub(crate) directory_ca_file: Option<PathBuf>,
    /// `dir`: where account and certificate are kept. Default `acme` in the folder of the history.
    pub(crate) folder: PathBuf,
}

impl AcmeSettings {
    /// Where one of them was made, if any was.
    pub(super) fn origin(given: &Given) -> Option<(Level, String)> {
        keys_of("tls.acme").find_map(|key| given.origin(key))
    }

    /// None of them, or all that are needed.
    pub(super) fn read(given: &mut Given, storage: &Storage) -> Option<Self> {
        Self::origin(given)?;
        let domains = given.require("tls.acme.domains", domains);
        if !given.read("tls.acme.agree_to_terms", value::flag, false) {
            let problem = "tls.acme.agree_to_terms: must be true: a certificate is issued only to who agrees to the terms of \
                           service, which the directory of the authority names";
            given.problems_mut().push(problem.to_owned());
        }
        let folder = match storage {
            Storage::Folder(folder) => {
                let default = folder.join(DEFAULT_FOLDER);
                Some(given.read("tls.acme.dir", value::folder, default))
            }
            Storage::Memory if given.has("tls.acme.dir") => {
                given.read("tls.acme.dir", value::some(value::folder), None)
            }
            Storage::Memory => {
                let problem = "is missing: with memory = true there is no other folder to keep certificates in";
                given.refuse("tls.acme.dir", problem);
                None
            }
        };
        let directory = given.read(
            "tls.acme.directory",
            directory,
            DEFAULT_DIRECTORY.to_owned(),
        );
        let ca_file = "tls.acme.directory_ca_file";
        Some(Self {
            contact: given.read("tls.acme.contact", value::some(contact), None),
            directory,
            directory_ca_file: given.read(ca_file, value::some(value::file), None),
            domains: domains?,
            folder: folder?,
        })
    }
}

fn domains(value: &Value) -> Result<Vec<String>, String> {
    let mut domains = value::list(domain)(value)?;
    domains.sort_unstable();
    domains.dedup();
    match domains.len() {
        1..=MOST_DOMAINS => Ok(domains),
        0 => Err("must name a domain, like [\"hub.example\"]".to_owned()),
        count => Err(format!("must be at most {MOST_DOMAINS} names, not {count}")),
    }
}

fn domain(text: &str) -> Result<String, String> {
    if text.contains('*') {
        return Err(format!(
            "must be names without a wildcard, which cannot be validated by TLS-ALPN-01: name each domain, or use \
             tls.certificate and tls.key, not {text:?}"
        ));
    }
    let address = text.trim_start_matches('[').trim_end_matches(']');
    if address.parse::<IpAddr>().is_ok() {
        return Err(format!(
            "must be names, since addresses are not validated: use tls.certificate and tls.key, or a name, not {text:?}"
        ));
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > 253 || !text.split('.').all(is_label) {
        return Err(format!(
            "must be names as DNS has them, like hub.example or xn--bcher-kva.example, not {text:?}"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

fn contact(value: &Value) -> Result<String, String> {
    let text = value::text(value)?;
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, ',' | '?');
    let address = text
        .strip_prefix("mailto:")
        .and_then(|rest| rest.split_once('@'));
    match address {
        Some((user, host))
            if !user.is_empty() && !host.is_empty() && text.chars().all(is_plain) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "must be one address, like mailto:me@hub.example, not {text:?}"
        )),
    }
}

fn directory(value: &Value) -> Result<String, String> {
    let text = value::text(value)?;
    let is_good = |uri: &Uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        uri.scheme_str() == Some("https") && !authority.is_empty() && !authority.contains('@')
    };
    text.parse()
        .ok()
        .filter(is_good)
        .map(|_| text.to_owned())
        .ok_or_else(|| {
            format!("must be an address with https, like {DEFAULT_DIRECTORY}, not {text:?}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(storage: &Storage, text: &str) -> Result<Option<AcmeSettings>, String> {
        let mut given = Given::of_file("f", &format!("[tls.acme]\n{text}"));
        let settings = AcmeSettings::read(&mut given, storage);
        let problems = given.finish();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems.join("\n"))
        }
    }

    fn read(text: &str) -> Result<AcmeSettings, String> {
        let folder = Storage::Folder("data".into());
        read_in(&folder, &format!("agree_to_terms = true\n{text}")).map(Option::unwrap)
    }

    fn problem(text: &str) -> String {
        read(text).unwrap_err()
    }

    #[test]
    fn domains_are_enough_where_the_terms_are_agreed_to() {
        let settings = read("domains = [\"B.example\", \"a.example\", \"b.example\"]").unwrap();
        assert_eq!(settings.domains, ["a.example", "b.example"]);
        assert_eq!(settings.directory, DEFAULT_DIRECTORY);
        assert_eq!(settings.folder, PathBuf::from("data/acme"));
        assert_eq!((settings.contact, settings.directory_ca_file), (None, None));

        let storage = Storage::Folder("data".into());
        assert_eq!(read_in(&storage, ""), Ok(None));
        let told = read_in(&storage, "domains = [\"a.example\"]").unwrap_err();
        assert!(
            told.starts_with("tls.acme.agree_to_terms: must be true"),
            "{told}"
        );
    }

    #[test]
    fn what_cannot_be_validated_is_refused_with_its_setting() {
        for (domains, wanted) in [
            ("[]", "must name a domain"),
            ("[\"*.hub.example\"]", "without a wildcard"),
            ("[\"192.0.2.1\"]", "names, since addresses"),
            ("[\"[2001:db8::1]\"]", "names, since addresses"),
            ("[\"hub.example:443\"]", "names as DNS has them"),
            ("[\"https://hub.example\"]", "names as DNS has them"),
            ("[\"bücher.example\"]", "names as DNS has them"),
            ("[\"hub..example\"]", "names as DNS has them"),
            ("[\"-hub.example\"]", "names as DNS has them"),
        ] {
            let told = problem(&format!("domains = {domains}"));
            let name = "tls.acme.domains in f: must ";
            assert!(told.starts_with(name) && told.contains(wanted), "{told}");
        }
        assert_eq!(problem(""), "tls.acme.domains: is missing");
        let many: Vec<_> = (0..101).map(|n| format!("\"d{n}.example\"")).collect();
        let told = problem(&format!("domains = [{}]", many.join(",")));
        assert!(
            told.ends_with("must be at most 100 names, not 101"),
            "{told}"
        );
    }

    #[test]
    fn contact_and_directory_are_addresses() {
        let set =
            |key: &str, value: &str| read(&format!("domains = [\"a.example\"]\n{key} = {value:?}"));
        assert!(set("contact", "mailto:me@a.example").is_ok());
        for bad in [
            "me@a.example",
            "mailto:",
            "mailto:a@b.example,c@d.example",
            "mailto:a b@c",
        ] {
            let told = set("contact", bad).unwrap_err();
            assert!(
                told.starts_with("tls.acme.contact in f: must be one"),
                "{told}"
            );
        }
        assert!(set("directory", "https://localhost:14000/dir").is_ok());
        for bad in [
            "http://ca.example/dir",
            "ca.example",
            "https://",
            "https://a:b@ca.example/",
        ] {
            let told = set("directory", bad).unwrap_err();
            assert!(
                told.starts_with("tls.acme.directory in f: must be an"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_hub_in_memory_needs_a_folder_for_certificates() {
        let text = "domains = [\"a.example\"]\nagree_to_terms = true\n";
        let told = read_in(&Storage::Memory, text).unwrap_err();
        assert!(told.starts_with("tls.acme.dir: is missing"), "{told}");
        let settings = read_in(&Storage::Memory, &format!("{text}dir = \"c\"")).unwrap();
        assert_eq!(settings.unwrap().folder, PathBuf::from("c"));
    }
}
