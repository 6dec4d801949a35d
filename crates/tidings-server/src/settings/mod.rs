//! What a hub is told at its start: flags over the environment over `tidings.toml`.
//!
//! Everything is read, checked and turned into one [`Settings`] before any port is bound.

mod acme;
mod auth;
mod given;
mod host;
mod keys;
mod limits;
mod origin;
mod render;
mod storage;
mod tls;
mod topic;
mod value;

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;
use std::{env, io};

use tidings::{Durability, Retention, TopicSettings};
use tidings_http::Network;

use crate::certificate::Certificate;
use crate::cli::{Exit, ServeArgs, notice};
use crate::settings::given::Given;
use crate::settings::limits::Limits;

pub(crate) use crate::settings::acme::AcmeSettings;
pub(crate) use crate::settings::auth::{AuthSettings, AuthorizerSettings};
pub(crate) use crate::settings::host::Host;
pub(crate) use crate::settings::origin::Origin;
pub(crate) use crate::settings::storage::Storage;
pub(crate) use crate::settings::tls::TlsSettings;

/// The settings of a hub.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// `listen`: where it listens. Default `127.0.0.1:8434`; port 0 is any free one.
    pub(crate) listen: SocketAddr,
    /// `admin_listen`: where the console, the dashboards, the list of connections and what changes what belongs to others are
    /// served, and not on `listen`. Default: on `listen`.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// `memory` and `data_dir`: where the history is kept.
    pub(crate) storage: Storage,
    /// `durability`: what events survive once they are acknowledged, unless the topic or the
    /// publication says otherwise. Default `disk`; with `memory = true` there is only `memory`.
    pub(crate) durability: Durability,
    /// `keep_alive`: after so much silence a stream carries a comment line; `None`, written "0",
    /// is never. 10 ms to 1 h, default 15 s.
    pub(crate) keep_alive: Option<Duration>,
    /// `retry`: how long readers are told to wait before they reconnect. 100 ms to 5 min,
    /// default 3 s.
    pub(crate) retry: Duration,
    /// `drain`: how long streams have to take what is left once the hub shuts down. Up to 1 h,
    /// default 10 s.
    pub(crate) drain: Duration,
    /// `stream_threads`: how many threads write the streams of plain HTTP/1.1. Up to 256; with 0 the threads that do
    /// everything else write them too. Default: one for each processor.
    pub(crate) stream_threads: usize,
    /// `metrics_interval`: how often dashboards are told what the hub does; `None`, written "0", is
    /// never. 100 ms to 1 h, default 1 s.
    pub(crate) metrics_interval: Option<Duration>,
    /// `insecure_anonymous`: serve everybody who can reach the address. Default false.
    pub(crate) insecure_anonymous: bool,
    /// `allowed_hosts`: further names that a hub on a loopback address answers to.
    pub(crate) allowed_hosts: Vec<Host>,
    /// `allowed_origins`: the web origins whose pages may use the hub.
    pub(crate) allowed_origins: Vec<Origin>,
    /// `trusted_proxies`: whose word on where requests come from is taken. Default: nobody's.
    pub(crate) trusted_proxies: Vec<Network>,
    /// `proxy_protocol`: they begin each connection with the PROXY protocol. Default false.
    pub(crate) proxy_protocol: bool,
    /// `[tls]`: the certificate. Default: none, which is cleartext.
    pub(crate) tls: Option<TlsSettings>,
    /// `[auth]`, `[[issuer]]`, `[[api_key]]` and `[authorizer]`: who is let in.
    pub(crate) auth: AuthSettings,
    /// `[limits]`.
    pub(crate) limits: Limits,
    /// `[retention]`: how long the events of a topic are kept.
    pub(crate) retention: Retention,
    /// `[retention] total`: what all topics together may hold. 1 KiB to 1 TiB, default 1 GiB on disk
    /// and 256 MiB in memory.
    pub(crate) total: u64,
    /// `[[topic]]`: what differs for some topics; the first that matches and says it counts.
    pub(crate) topics: Vec<TopicSettings>,
}

/// What is wrong with what was set, each problem naming its key.
#[derive(Debug)]
pub(crate) struct Problems(Vec<String>);

impl Settings {
    /// Reads the arguments, the environment and the settings file.
    ///
    /// # Errors
    ///
    /// [`Problems`] lists everything that is wrong at once.
    pub(crate) fn load(args: &ServeArgs) -> Result<Self, Problems> {
        Self::read(Given::collect(args, env::vars_os()))
    }

    fn read(mut given: Given) -> Result<Self, Problems> {
        let storage = Storage::read(&mut given);
        let most = storage.durability();
        let durability = given.read("durability", value::durability(most), most);
        let retention = topic::read_retention(&mut given, "retention.", Retention::default());
        let topics = given.each("topic", |topic| topic::read(topic, retention, most));
        let auth = AuthSettings::read(&mut given);
        let settings = Self {
            listen: given.read(
                "listen",
                value::address,
                SocketAddr::from(([127, 0, 0, 1], 8434)),
            ),
            admin_listen: given.read(
                "admin_listen",
                |value| value::address(value).map(Some),
                None,
            ),
            keep_alive: given.read(
                "keep_alive",
                value::interval(Duration::from_millis(10)..=Duration::from_secs(3600)),
                Some(Duration::from_secs(15)),
            ),
            retry: given.read(
                "retry",
                value::duration(Duration::from_millis(100)..=Duration::from_secs(300)),
                Duration::from_secs(3),
            ),
            drain: given.read(
                "drain",
                value::duration(Duration::ZERO..=Duration::from_secs(3600)),
                Duration::from_secs(10),
            ),
            stream_threads: given.read(
                "stream_threads",
                value::count(0..=256),
                available_parallelism().map_or(1, NonZeroUsize::get),
            ),
            metrics_interval: given.read(
                "metrics_interval",
                value::interval(Duration::from_millis(100)..=Duration::from_secs(3600)),
                Some(Duration::from_secs(1)),
            ),
            insecure_anonymous: given.read("insecure_anonymous", value::flag, false),
            allowed_hosts: given.read("allowed_hosts", value::list(Host::listed), Vec::new()),
            allowed_origins: given.read("allowed_origins", value::list(Origin::listed), Vec::new()),
            trusted_proxies: given.read("trusted_proxies", value::list(value::network), Vec::new()),
            proxy_protocol: given.read("proxy_protocol", value::flag, false),
            tls: TlsSettings::read(&mut given, &storage),
            limits: Limits::read(&mut given, auth.namespaces()),
            auth,
            retention,
            total: given.read(
                "retention.total",
                value::size(1 << 10..=1 << 40),
                storage.default_total(),
            ),
            topics,
            storage,
            durability,
        };
        let mut problems = given.finish();
        let addresses = [
            ("listen", Some(settings.listen)),
            ("admin_listen", settings.admin_listen),
        ];
        let is_open = !settings.auth.has_keys() && !settings.insecure_anonymous;
        for (key, address) in addresses {
            if let Some(address) = address.filter(|address| is_open && !address.ip().is_loopback())
            {
                problems.push(format!(
                    "{key}: {address} can be reached from other machines, and there is no key to \
                     protect it: set one (TIDINGS_AUTH_JWT_SECRET, at least 32 bytes, or [[issuer]] \
                     or [[api_key]] in the file), listen on a loopback address, or serve everybody \
                     who can reach it with --insecure-anonymous (TIDINGS_INSECURE_ANONYMOUS=true)"
                ));
            }
        }
        if settings.listen.port() != 0 && settings.admin_listen == Some(settings.listen) {
            let problem = "admin_listen: must be another address than listen";
            problems.push(problem.to_owned());
        }
        if settings.proxy_protocol && settings.trusted_proxies.is_empty() {
            let problem = "proxy_protocol: is of no use without trusted_proxies, who speak it";
            problems.push(problem.to_owned());
        }
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(Problems(problems))
        }
    }
}

impl Settings {
    /// The certificate, if there is one.
    ///
    /// # Errors
    ///
    /// [`Problems`] says what is wrong with it.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, Problems> {
        let certificate = self.tls.as_ref().map(Certificate::load).transpose();
        certificate.map_err(|problem| Problems(vec![problem]))
    }
}

impl Problems {
    /// Tells the person at the terminal.
    pub(crate) fn report(&self) {
        for problem in &self.0 {
            notice(format_args!("{problem}"));
        }
    }
}

/// `tidings check`: prints the settings that the hub would use.
pub(crate) fn check(args: &ServeArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(args).and_then(|settings| {
        let certificate = settings.certificate()?;
        Ok((settings, certificate))
    });
    match settings {
        Ok((settings, certificate)) => {
            if let Some(warning) = certificate.as_ref().and_then(Certificate::warning) {
                notice(format_args!("tls.certificate: {warning}"));
            }
            io::stdout()
                .lock()
                .write_all(render::toml(&settings).as_bytes())?;
            Ok(Exit::Success)
        }
        Err(problems) => {
            problems.report();
            Ok(Exit::Usage)
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings::LagPolicy;

    use super::*;

    fn from_file(text: &str) -> Result<Settings, Problems> {
        Settings::read(Given::of_file("tidings.toml", text))
    }

    fn problems(text: &str) -> String {
        from_file(text).unwrap_err().0.join("\n")
    }

    #[test]
    fn nothing_set_is_the_defaults() {
        let settings = from_file("").unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8434");
        assert_eq!(settings.storage, Storage::Folder("tidings-data".into()));
        assert_eq!(settings.durability, Durability::Disk);
        assert_eq!(settings.keep_alive, Some(Duration::from_secs(15)));
        assert_eq!(settings.retention, Retention::default());
        assert_eq!(settings.limits.event_size, 1 << 20);
    }

    #[test]
    fn every_problem_is_told_with_its_key_and_bound() {
        let told = problems("retry = \"1h\"\nkeep_alive = true\n[limits]\ntopics = 0\n");
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(
            lines,
            [
                "keep_alive in tidings.toml: must be a duration like \"15s\", or \"0\" for off",
                "retry in tidings.toml: must be 100ms to 5m, not 1h",
                "limits.topics in tidings.toml: must be 1 to 10000000, not 0",
            ]
        );
    }

    #[test]
    fn a_topic_takes_what_it_does_not_say_from_the_retention() {
        let text = "[retention]\nage = \"1h\"\n[[topic]]\npattern = \"a/*\"\nlag = \"skip\"\n\
                    [[topic]]\npattern = \"b\"\nevents = 3\n";
        let settings = from_file(text).unwrap();
        assert_eq!(settings.topics[0].lag, Some(LagPolicy::Skip));
        assert_eq!(settings.topics[0].retention, None);
        let retention = settings.topics[1].retention.unwrap();
        assert_eq!(
            (retention.events, retention.age),
            (3, Duration::from_secs(3600))
        );
    }

    #[test]
    fn a_topic_needs_a_pattern() {
        assert_eq!(
            problems("[[topic]]\nlag = \"skip\"\n"),
            "topic 1 pattern in tidings.toml: is missing"
        );
        let told = problems("[[topic]]\npattern = \"a*\"\nlagg = \"skip\"\n");
        assert!(
            told.contains("topic 1 pattern in tidings.toml: a wildcard"),
            "{told}"
        );
        assert!(
            told.contains("topic 1 lagg in tidings.toml: is not a setting; the nearest is lag"),
            "{told}"
        );
    }

    #[test]
    fn tables_in_the_wrong_place_are_problems() {
        for text in [
            "[drain]\nx = 1",
            "limits = 3",
            "topic = 3",
            "[retention.age]\nx = 1",
            "[[drain]]",
        ] {
            assert_eq!(problems(text).lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn an_open_address_needs_the_word_for_it() {
        assert!(problems("listen = \"0.0.0.0:1\"").contains("--insecure-anonymous"));
        assert!(from_file("listen = \"0.0.0.0:1\"\ninsecure_anonymous = true").is_ok());
        assert!(from_file("listen = \"[::1]:1\"").is_ok());
    }

    #[test]
    fn an_open_address_for_administrators_needs_it_too() {
        let told = problems("admin_listen = \"0.0.0.0:1\"");
        assert!(told.starts_with("admin_listen: 0.0.0.0:1 can be"), "{told}");
        assert!(from_file("admin_listen = \"127.0.0.1:1\"").is_ok());
    }

    #[test]
    fn administrators_have_an_address_of_their_own() {
        let told = problems("listen = \"[::1]:1\"\nadmin_listen = \"[::1]:1\"");
        assert_eq!(told, "admin_listen: must be another address than listen");
        assert!(from_file("listen = \"[::1]:0\"\nadmin_listen = \"[::1]:0\"").is_ok());
    }

    #[test]
    fn a_table_that_is_written_otherwise_is_told_how() {
        for (text, told) in [
            (
                "[issuer]\nissuer = \"a\"",
                "issuer in tidings.toml: must be tables, [[issuer]]",
            ),
            (
                "limits = 3",
                "limits in tidings.toml: must be a table, [limits]",
            ),
        ] {
            assert_eq!(problems(text), told);
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_shown() {
        for (line, told) in [
            ("jwt_secret = \"0123456789abcdef", "line 2: "),
            ("jwt_secret = 0123456789abcdef", "line 2: "),
            ("a = 1\njwt_secret = 0123456789abcdef\"", "line 3: "),
        ] {
            let problems = problems(&format!("[auth]\n{line}\n"));
            assert!(problems.contains(told), "{problems}");
            assert!(!problems.contains("0123456789abcdef"), "{problems}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let settings = from_file("trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]").unwrap();
        assert_eq!(settings.trusted_proxies.len(), 2);
        let told = problems("trusted_proxies = [\"proxy.example\"]");
        assert!(told.contains("must be addresses or networks"), "{told}");
        let told = problems("proxy_protocol = true");
        assert!(told.contains("trusted_proxies"), "{told}");
    }

    #[test]
    fn what_all_topics_may_hold_depends_on_where_they_are_kept() {
        assert_eq!(from_file("").unwrap().total, 1 << 30);
        assert_eq!(from_file("memory = true").unwrap().total, 256 << 20);
        let set = "memory = true\n[retention]\ntotal = \"2GiB\"";
        assert_eq!(from_file(set).unwrap().total, 2 << 30);
    }

    #[test]
    fn a_namespace_has_half_of_the_connections_where_there_are_several() {
        let key = |id: &str, more: &str| {
            let hash = "0".repeat(64);
            format!("[[api_key]]\nid = \"{id}\"\nhash = \"{hash}\"\n{more}\n")
        };
        let share = |text: &str| from_file(text).unwrap().limits.connections_per_namespace;
        let shop = "namespace = \"shop\"";
        let [one, other] = [
            key("aaaaaaaa", shop),
            key("bbbbbbbb", "namespace = \"bank\""),
        ];
        assert_eq!(share(""), 10_000);
        assert_eq!(share(&key("aaaaaaaa", "")), 10_000);
        assert_eq!(share(&one), 10_000);
        assert_eq!(share(&format!("{one}{}", key("bbbbbbbb", shop))), 10_000);
        assert_eq!(share(&format!("{one}{other}")), 5_000);
        assert_eq!(share(&format!("{one}{}", key("bbbbbbbb", ""))), 5_000);
        let anonymous = "[auth]\nanonymous_subscribe = [\"**\"]\n";
        assert_eq!(share(&format!("{one}{anonymous}")), 5_000);
        let claimed = "[[issuer]]\nalgorithm = \"HS256\"\nnamespace_by_token = true\n\
                       secret = \"a secret of the tests, and of nobody else\"\n";
        assert_eq!(share(claimed), 5_000);
        assert_eq!(share(&format!("{claimed}[limits]\nconnections = 3\n")), 2);
        let set = "[limits]\nconnections_per_namespace = 7\n";
        assert_eq!(share(set), 7);
        assert_eq!(share(&format!("{claimed}{set}")), 7);
    }

    #[test]
    fn durability_has_a_default_for_all_topics_and_for_some() {
        let text = "durability = \"memory\"\n[[topic]]\npattern = \"orders/*\"\ndurability = \"disk\"\n\
                    [[topic]]\npattern = \"a\"\n";
        let settings = from_file(text).unwrap();
        assert_eq!(settings.durability, Durability::Memory);
        let topics = settings.topics.iter().map(|topic| topic.durability);
        assert!(topics.eq([Some(Durability::Disk), None]));
        let told = problems("durability = \"cluster\"");
        assert!(
            told.starts_with("durability in tidings.toml: must be"),
            "{told}"
        );
    }

    #[test]
    fn events_of_some_topics_may_linger_for_up_to_a_second() {
        let text = "[[topic]]\npattern = \"a\"\nlinger = \"20ms\"\n[[topic]]\npattern = \"b\"\n";
        let settings = from_file(text).unwrap();
        let lingers = settings.topics.iter().map(|topic| topic.linger);
        assert!(lingers.eq([Some(Duration::from_millis(20)), None]));
        let told = problems("[[topic]]\npattern = \"a\"\nlinger = \"2s\"\n");
        assert!(
            told.starts_with("topic 1 linger in tidings.toml: must be"),
            "{told}"
        );
    }

    #[test]
    fn nothing_is_on_disk_where_history_is_in_memory() {
        let settings = from_file("memory = true").unwrap();
        assert_eq!(settings.durability, Durability::Memory);
        let told = problems(
            "memory = true\ndurability = \"disk\"\n[[topic]]\npattern = \"a\"\ndurability = \"disk\"\n",
        );
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(
            lines,
            [
                "durability in tidings.toml: cannot be \"disk\" together with memory = true",
                "topic 1 durability in tidings.toml: cannot be \"disk\" together with memory = true",
            ]
        );
    }

    #[test]
    fn what_check_prints_reads_back_as_the_same_settings() {
        let text = "durability = \"memory\"\ndata_dir = \"/var/lib/tidings\"\nkeep_alive = \"0\"\nstream_threads = 3\nmetrics_interval = \"2s\"\nallowed_hosts = [\"hub.example\", \"[::2]:80\"]\n\
                    allowed_origins = [\"https://a.example\"]\nadmin_listen = \"[::1]:0\"\nproxy_protocol = true\n\
                    trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n\
                    [tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n[limits]\nevent_size = 1025\nviews = 20\n\
                    [retention]\ntotal = \"3GiB\"\nage = \"90m\"\n\
                    [[topic]]\npattern = \"a/**\"\nlag = \"conflate\"\nbytes = \"2MiB\"\n\
                    durability = \"disk\"\nlinger = \"20ms\"\n";
        let acme = "data_dir = \"d\"\n[tls.acme]\ndomains = [\"b.example\", \"a.example\"]\n\
                    contact = \"mailto:me@a.example\"\nagree_to_terms = true\n\
                    directory = \"https://ca.example:9000/acme/acme/directory\"\n\
                    directory_ca_file = \"ca.pem\"\n";
        for text in [text, "", "memory = true", acme] {
            let settings = from_file(text).unwrap();
            assert_eq!(from_file(&render::toml(&settings)).unwrap(), settings);
        }
    }
}
