//! The certificate of the hub.

use std::path::PathBuf;

use tidings_http::{Tls, TlsError};

use crate::settings::acme::AcmeSettings;
use crate::settings::given::Given;
use crate::settings::storage::Storage;
use crate::settings::value;

/// `[tls]`: where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsSettings {
    /// `certificate` and `key`.
    Files(TlsFiles),
    /// `[tls.acme]`.
    Acme(AcmeSettings),
}

impl TlsSettings {
    /// One of the two, or neither.
    pub(super) fn read(given: &mut Given, storage: &Storage) -> Option<Self> {
        let in_files = ["tls.certificate", "tls.key"]
            .iter()
            .find_map(|key| given.origin(key));
        let by_acme = AcmeSettings::origin(given);
        if let (Some((_, file)), Some((_, acme))) = (in_files, by_acme) {
            let problem = format!("{file}: cannot be together with {acme}: remove one of the two");
            given.problems_mut().push(problem);
        }
        let files = TlsFiles::read(given).map(Self::Files);
        let acme = AcmeSettings::read(given, storage).map(Self::Acme);
        files.or(acme)
    }
}

/// The certificate in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// `certificate`: PEM of the certificate and of those up to its authority.
    pub(super) certificate: PathBuf,
    /// `key`: PEM of its private key, without a passphrase.
    pub(super) key: PathBuf,
}

impl TlsFiles {
    /// Both files or none.
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        let [certificate, key] = ["tls.certificate", "tls.key"].map(|key| given.origin(key));
        let mut file = |key| given.read(key, |value| value::file(value).map(Some), None);
        let (certificate_file, key_file) = (file("tls.certificate"), file("tls.key"));
        match (certificate, key) {
            (Some((_, named)), None) => {
                let problem = format!("tls.key: is missing beside {named}");
                given.problems_mut().push(problem);
            }
            (None, Some((_, named))) => {
                let problem = format!("tls.certificate: is missing beside {named}");
                given.problems_mut().push(problem);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        Some(Self {
            certificate: certificate_file?,
            key: key_file?,
        })
    }

    /// What is in them, or what is wrong with which setting.
    pub(crate) fn load(&self) -> Result<Tls, String> {
        Tls::from_files(&self.certificate, &self.key).map_err(|error| {
            let setting = match error {
                TlsError::CertificateFile { .. }
                | TlsError::NoCertificate
                | TlsError::BadCertificate(_) => "tls.certificate",
                _ => "tls.key",
            };
            format!("{setting}: {:#}", anyhow::Error::from(error))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<Option<TlsSettings>, String> {
        let mut given = Given::of_file("f", text);
        let tls = TlsSettings::read(&mut given, &Storage::Memory);
        let problems = given.finish();
        if problems.is_empty() {
            Ok(tls)
        } else {
            Err(problems.join("\n"))
        }
    }

    #[test]
    fn a_certificate_has_its_key_and_a_key_its_certificate() {
        assert_eq!(read(""), Ok(None));
        let both = read("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"").unwrap();
        let files = TlsFiles {
            certificate: "c.pem".into(),
            key: "k.pem".into(),
        };
        assert_eq!(both, Some(TlsSettings::Files(files)));
        assert_eq!(
            read("[tls]\ncertificate = \"c.pem\"").unwrap_err(),
            "tls.key: is missing beside tls.certificate in f"
        );
        assert_eq!(
            read("[tls]\nkey = \"k.pem\"").unwrap_err(),
            "tls.certificate: is missing beside tls.key in f"
        );
        let empty = read("[tls]\ncertificate = \"\"\nkey = \"k.pem\"").unwrap_err();
        assert_eq!(empty, "tls.certificate in f: must name a file");
    }

    #[test]
    fn a_certificate_is_in_files_or_from_an_acme_server() {
        let acme = "[tls.acme]\ndomains = [\"hub.example\"]\nagree_to_terms = true\ndir = \"a\"";
        assert!(matches!(read(acme), Ok(Some(TlsSettings::Acme(_)))));
        let both = format!("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n{acme}");
        assert_eq!(
            read(&both).unwrap_err(),
            "tls.certificate in f: cannot be together with tls.acme.domains in f: remove one of the two"
        );
    }

    #[test]
    fn what_cannot_be_used_names_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["c.pem", "k.pem"].map(|name| folder.path().join(name));
        let files = TlsFiles { certificate, key };
        let problem = || files.load().unwrap_err();
        assert!(problem().starts_with("tls.certificate: cannot read the certificate "));
        fs::write(&files.certificate, "no certificate").unwrap();
        assert!(problem().starts_with("tls.key: cannot read the key "));
        fs::write(&files.key, "no key").unwrap();
        assert!(problem().starts_with("tls.certificate: there is no certificate in it"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        assert!(problem().starts_with("tls.key: there is no private key in it"));
        let other = rcgen::KeyPair::generate().unwrap();
        fs::write(&files.key, other.serialize_pem()).unwrap();
        assert_eq!(problem(), "tls.key: the key does not fit the certificate");
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        assert!(files.load().is_ok());
    }
}
