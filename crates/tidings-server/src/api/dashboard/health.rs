use crate::api::hub::Hub;
use crate::metrics::{Health, Sample, Service, Services, Situation, Usage, exposition};
use crate::wall_clock::now;

use super::topics;

impl Hub {
    /// How the hub is now.
    pub(super) fn health(&self) -> Health {
        Health::of(self.services(), Sample::figures(), self.broker.now())
    }

    fn services(&self) -> Services {
        Services {
            store: self.store(),
            engine: self.engine(),
            readiness: self.room(),
            keys: self.keys(),
        }
    }

    /// What the hub does now, for those who collect figures themselves.
    pub(super) fn exposition(&self) -> String {
        exposition(self.situation(), self.services())
    }

    fn store(&self) -> Service {
        let failure = self.broker.failure();
        failure.map_or_else(Service::healthy, |failed| {
            Service::unhealthy(failed.to_string())
        })
    }

    fn engine(&self) -> Service {
        let (running, wanted) = (self.engines.running(), self.settings.stream_threads);
        if running < wanted {
            let detail = format!("{running} of {wanted} threads that write streams are running");
            return Service::degraded(detail);
        }
        Service::healthy()
    }

    fn room(&self) -> Service {
        if self.is_draining() {
            return Service::unhealthy("the hub is shutting down");
        }
        // All namespaces share the limit, and none is to learn how much of it others take.
        let most = self.settings.limits.connections;
        if self.namespace.is_none() && self.broker.stats().admitted >= most {
            return Service::degraded("there are as many open streams as allowed");
        }
        Service::healthy()
    }

    /// How the worst of the sets of keys is that issuers publish. Those of a namespace are not told of issuers.
    fn keys(&self) -> Option<Service> {
        if self.namespace.is_some() {
            return None;
        }
        let now = now();
        let sets = self.gate.key_sets();
        let services = sets.iter().map(|set| {
            let Some(failure) = &set.failure else {
                return Service::healthy();
            };
            let of = set.issuer.as_deref().unwrap_or(&set.url);
            if set.is_stale(now) {
                return Service::unhealthy(format!("no tokens of {of} are taken: {failure}"));
            }
            Service::degraded(format!("the keys of {of} are not the newest: {failure}"))
        });
        services.max_by_key(|service| service.status)
    }

    /// What the hub does now, as far as it has been looked at lately.
    pub(super) fn metrics(&self) -> Sample {
        self.watch.latest(self.situation())
    }

    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            broker: &self.broker,
            meter: &self.meter,
            connections: self.connections(),
            dashboards: self.dashboards(),
            usage: match self.namespace {
                None => Usage::now,
                Some(_) => Usage::untold,
            },
        }
    }

    /// How many streams follow what dashboards are told.
    pub(super) fn dashboards(&self) -> usize {
        self.broker.subscriber_count(&topics::metrics())
    }
}
