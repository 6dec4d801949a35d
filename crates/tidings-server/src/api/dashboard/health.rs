use crate::api::hub::Hub;
use crate::metrics::{Health, Sample, Service, Services, Situation, Usage, exposition};

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
