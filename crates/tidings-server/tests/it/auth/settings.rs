//! What is refused before the hub starts.

use std::fs;

use tidings_testkit::{Command, Finished};

use super::{SECRET, VARIABLE};
use crate::TIDINGS;

fn check(settings: &str) -> Finished {
    let command = Command::new(TIDINGS, &["check", "--config", "tidings.toml"]);
    command.file("tidings.toml", settings).run()
}

#[track_caller]
fn refused(settings: &str, words: &[&str]) {
    let finished = check(settings);
    assert_eq!(finished.code, Some(2), "{settings}");
    for word in words {
        assert!(
            finished.stderr.contains(word),
            "{word}: {}",
            finished.stderr
        );
    }
}

#[test]
fn t6_keys_that_protect_nothing_are_refused_by_name() {
    let issuer = |rest: &str| format!("[[issuer]]\n{rest}\n");
    refused(
        "[auth]\njwt_secret = \"short\"\n",
        &["auth.jwt_secret", "32"],
    );
    refused(
        &issuer("algorithm = \"HS256\"\nsecret = \"short\""),
        &["issuer 1 secret", "32"],
    );
    let pem = "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    refused(
        &issuer(&format!("algorithm = \"HS256\"\nsecret = \"{pem}\"")),
        &["issuer 1 secret", "PEM"],
    );
    refused(
        &issuer("algorithm = \"none\"\nsecret = \"x\""),
        &["issuer 1 algorithm"],
    );
    refused(
        &issuer("algorithm = \"HS256\""),
        &["issuer 1 secret", "is missing"],
    );
    refused(
        &issuer("jwks_url = \"http://keys.example/jwks\""),
        &["issuer 1 jwks_url", "https"],
    );
    refused(
        &issuer("algorithm = \"RS256\"\npublic_key_file = \"nowhere.pem\""),
        &["public_key_file", "nowhere.pem"],
    );
    refused(
        "[[api_key]]\nid = \"abcdefgh\"\n",
        &["api_key 1 hash", "is missing"],
    );
    refused(
        "[auth]\nanonymous_subscribe = [\"a/**/b\"]\n",
        &["auth.anonymous_subscribe"],
    );
    refused("allowed_origins = [\"*\"]\n", &["allowed_origins"]);
    refused(
        &issuer(
            "algorithm = \"HS256\"\nsecret = \"0123456789012345678901234567890123456789\"\nnamespace = \"../x\"",
        ),
        &["issuer 1 namespace"],
    );
    let jwks = |rest: &str| issuer(&format!("jwks_url = \"https://keys.example/\"\n{rest}"));
    refused(
        &jwks("algorithm = \"RS256\""),
        &["issuer 1 algorithm", "jwks_url"],
    );
    refused(
        &jwks("subscribe = [\"a\", \"b*\"]"),
        &["issuer 1 subscribe", "\"b*\": "],
    );
}

#[test]
fn t3_a_key_in_the_place_of_its_id_is_not_shown() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let settings = format!("[[api_key]]\nid = \"tdk_abcdefgh_secret\"\nhash = \"{hash}\"\n");
    refused(
        &settings,
        &["api_key 1 id", "8 to 16 lower-case letters and digits"],
    );
    assert!(!check(&settings).stderr.contains("secret"));
}

#[test]
fn a_key_is_of_somebody_who_can_be() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for name in [String::new(), "x".repeat(257)] {
        let settings =
            format!("[[api_key]]\nid = \"abcdefgh\"\nhash = \"{hash}\"\nidentity = \"{name}\"\n");
        refused(&settings, &["api_key 1 identity", "1 to 256 bytes"]);
    }
}

#[test]
fn t6_a_file_that_has_no_key_is_refused_with_what_it_must_have() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("a file");
    };
    write(
        "random",
        &[0xff, 0xfe, b's', b'3', b'c', b'r', b'e', b't', 0x80, 0],
    );
    write("text", b"s3cret");
    let refused = |settings: &str, file: &str, words: &[&str]| {
        write("tidings.toml", settings.replace("FILE", file).as_bytes());
        let finished = Command::new(TIDINGS, &["check"])
            .directory(folder.path())
            .run();
        assert_eq!(finished.code, Some(2), "{settings}");
        let said = finished.stderr;
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    };
    let secret = "[[issuer]]\nalgorithm = \"HS256\"\nsecret_file = \"FILE\"\n";
    let pem = "[[issuer]]\nalgorithm = \"ES256\"\npublic_key_file = \"FILE\"\n";
    let authorizer = "[auth]\njwt_secret = \"a secret of the tests, and of nobody else\"\n\
                      [authorizer]\nurl = \"https://app.example/\"\nsecret_file = \"FILE\"\n";
    let tls = "[tls]\ncertificate = \"FILE\"\nkey = \"FILE\"\n";
    for (settings, setting, fix) in [
        (secret, "issuer 1 secret_file", "openssl rand -hex 32"),
        (pem, "issuer 1 public_key_file", "openssl pkey"),
        (
            authorizer,
            "authorizer.secret_file",
            "whsec_$(openssl rand -base64 32)",
        ),
        (tls, "tls.certificate", "-----BEGIN CERTIFICATE-----"),
    ] {
        let not_text = if settings == tls {
            ""
        } else {
            "not a text in UTF-8"
        };
        refused(settings, "random", &[setting, fix, not_text]);
        refused(settings, "text", &[setting, fix]);
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    write("certificate.pem", made.cert.pem().as_bytes());
    let tls = "[tls]\ncertificate = \"certificate.pem\"\nkey = \"FILE\"\n";
    refused(tls, "random", &["tls.key", "-----BEGIN PRIVATE KEY-----"]);
    for (file, words) in [
        ("random", ["random: ", "private key", "openssl genpkey"]),
        ("text", ["text: ", "private key", "openssl genpkey"]),
    ] {
        let token = ["token", "--algorithm", "EdDSA", "--key-file", file];
        let finished = Command::new(TIDINGS, &token).directory(folder.path()).run();
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        for word in words {
            assert!(
                finished.stderr.contains(word),
                "{word}: {}",
                finished.stderr
            );
        }
        assert!(!finished.stderr.contains("s3cret"), "{}", finished.stderr);
    }
}

#[test]
fn t22_an_application_that_protects_nothing_is_refused_by_name() {
    const GOOD: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYXBwbGljYXRpb24=";
    const KEY: &str = "[auth]\njwt_secret = \"a secret of the tests, and of nobody else\"\n";
    let url = "url = \"https://app.example/access\"";
    let with = |rest: &str| format!("{KEY}[authorizer]\n{rest}\n");
    let signed = |rest: &str| with(&format!("secret = \"{GOOD}\"\n{rest}"));
    refused(&signed("ttl = \"60s\""), &["authorizer.url", "is missing"]);
    refused(
        &signed("url = \"http://app.example/access\""),
        &["authorizer.url", "https", "authorizer.allow_http = true"],
    );
    refused(&signed("url = \"app.example\""), &["authorizer.url"]);
    refused(
        &signed("url = \"https://me:pass@app.example\""),
        &["authorizer.url", "password"],
    );
    refused(&with(url), &["authorizer.secret", "is missing"]);
    let weak = format!("{url}\nsecret = \"whsec_c2hvcnQ=\"");
    refused(&with(&weak), &["authorizer.secret", "24", "openssl rand"]);
    refused(
        &with(&format!(
            "{url}\nsecret = \"a secret of the tests, and of nobody else\""
        )),
        &["authorizer.secret", "whsec_"],
    );
    refused(
        &with(&format!("{url}\nsecret_file = \"nowhere\"")),
        &["authorizer.secret_file", "nowhere"],
    );
    refused(
        &signed(&format!("{url}\nsecret_file = \"nowhere\"")),
        &["authorizer.secret", "is not alone"],
    );
    let several = |count: usize| format!("{url}\nsecret = {:?}", vec![GOOD; count]);
    for count in [0, 5] {
        let number = count.to_string();
        refused(
            &with(&several(count)),
            &["authorizer.secret", "1 to 4", &number],
        );
    }
    let one_is_bad = format!("{url}\nsecret = [\"{GOOD}\", \"whsec_c2hvcnQ=\"]");
    refused(&with(&one_is_bad), &["authorizer.secret", "24"]);
    check(&with(&several(4))).success();
    for (setting, value) in [
        ("ttl", "500ms"),
        ("ttl", "2h"),
        ("timeout", "31s"),
        ("timeout", "1ms"),
    ] {
        let name = format!("authorizer.{setting}");
        refused(
            &signed(&format!("{url}\n{setting} = \"{value}\"")),
            &[&name, value],
        );
    }
    refused(
        &signed(&format!("{url}\nttl = \"3s\"\ntimeout = \"2s\"")),
        &["authorizer.timeout", "authorizer.ttl"],
    );
    let without_key = signed(url).replace(KEY, "");
    refused(&without_key, &["authorizer.url", "no key", VARIABLE]);
    for good in [
        url,
        "url = \"http://app.example/access\"\nallow_http = true",
    ] {
        let checked = check(&signed(good));
        assert!(!checked.stderr.contains(GOOD));
        let printed = checked.success();
        assert!(
            printed.contains("ttl = \"1m\"") && !printed.contains("whsec"),
            "{printed}"
        );
    }
}

#[test]
fn an_address_that_others_reach_needs_a_key() {
    let listen = "listen = \"0.0.0.0:0\"\n";
    refused(listen, &["listen", VARIABLE, "--insecure-anonymous"]);
    let command = Command::new(TIDINGS, &["check", "--config", "tidings.toml"]);
    let checked = command
        .file("tidings.toml", listen)
        .env(VARIABLE, SECRET)
        .run();
    assert!(!checked.stderr.contains(SECRET));
    let printed = checked.success();
    assert!(!printed.contains(SECRET), "{printed}");
    let told = "# auth.jwt_secret is set";
    assert!(printed.starts_with(told), "{printed}");
}
