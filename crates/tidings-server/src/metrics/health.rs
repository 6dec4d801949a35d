//! Whether the hub can do its work.

use serde::Serialize;
use tidings::rfc3339;

/// How the parts of the hub are. Names are public.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Health {
    pub(crate) overall_status: Status,
    pub(crate) healthy_count: usize,
    pub(crate) total_services: usize,
    pub(crate) total_metrics: usize,
    pub(crate) services: Services,
    pub(crate) timestamp: String,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Services {
    /// Events can be kept.
    pub(crate) store: Service,
    /// The threads that write streams run.
    pub(crate) engine: Service,
    /// There is room for more streams, and the hub is not shutting down.
    pub(crate) readiness: Service,
    /// Tokens of issuers that publish their keys can be judged; `None` without such issuers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<Service>,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Service {
    pub(crate) status: Status,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// How something is; the later the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Healthy,
    /// It works, at a higher price or not for everybody.
    Degraded,
    Unhealthy,
}

impl Service {
    pub(crate) fn healthy() -> Self {
        Self {
            status: Status::Healthy,
            detail: None,
        }
    }

    pub(crate) fn degraded(detail: impl Into<String>) -> Self {
        Self {
            status: Status::Degraded,
            detail: Some(detail.into()),
        }
    }

    pub(crate) fn unhealthy(detail: impl Into<String>) -> Self {
        Self {
            status: Status::Unhealthy,
            detail: Some(detail.into()),
        }
    }
}

impl Services {
    /// As they should be.
    pub(crate) fn healthy() -> Self {
        Self {
            store: Service::healthy(),
            engine: Service::healthy(),
            readiness: Service::healthy(),
            keys: None,
        }
    }

    /// All of them, by name.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &Service)> {
        let keys = self.keys.as_ref().map(|keys| ("keys", keys));
        [
            ("store", &self.store),
            ("engine", &self.engine),
            ("readiness", &self.readiness),
        ]
        .into_iter()
        .chain(keys)
    }
}

impl Health {
    /// The whole of these parts: as the worst of them.
    pub(crate) fn of(services: Services, total_metrics: usize, now: tidings::Timestamp) -> Self {
        let all: Vec<_> = services.each().map(|(_, part)| part.status).collect();
        Self {
            overall_status: all.iter().copied().max().unwrap_or(Status::Healthy),
            healthy_count: all.iter().filter(|one| **one == Status::Healthy).count(),
            total_services: all.len(),
            total_metrics,
            timestamp: rfc3339(now),
            services,
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings::Timestamp;

    use super::*;

    #[test]
    fn the_whole_is_as_the_worst_of_its_parts() {
        let check = |engine: Service, store: Service| {
            let services = Services {
                store,
                engine,
                ..Services::healthy()
            };
            let health = Health::of(services, 1, Timestamp::from_millis(0));
            (health.overall_status, health.healthy_count)
        };
        let (good, slow) = (Service::healthy, || Service::degraded("slow"));
        assert_eq!(check(good(), good()), (Status::Healthy, 3));
        assert_eq!(check(slow(), good()), (Status::Degraded, 2));
        assert_eq!(
            check(slow(), Service::unhealthy("full")),
            (Status::Unhealthy, 1)
        );
    }
}
