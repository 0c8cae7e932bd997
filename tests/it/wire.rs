//! What travels to AWS and back: the real clients against a server that answers by script and remembers what it was asked.

mod ec2;
mod elbv2;
mod fence;
mod global_accelerator;
mod iam;
mod json;
mod roles;
mod script;

use aws_load_balancer_controller::aws::interceptors::{CallOutcome, Observer};
use aws_load_balancer_controller::aws::{AwsCloud, AwsSettings};
use aws_load_balancer_controller::aws_api::Action;
use script::Script;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Clients that talk to a script.
async fn connect(script: &Script) -> AwsCloud {
    connect_observed(script, Arc::new(())).await
}

async fn connect_observed(script: &Script, observer: Arc<dyn Observer>) -> AwsCloud {
    let services = [
        "EC2",
        "Elastic Load Balancing v2",
        "ACM",
        "WAFV2",
        "WAF Regional",
        "Shield",
        "Global Accelerator",
        "STS",
        "IAM",
    ];
    let endpoints: BTreeMap<_, _> =
        services.map(|service| (service.to_owned(), script.url().to_owned())).into();
    let settings =
        AwsSettings { region: "us-west-2".to_owned(), max_attempts: 3, endpoints, ..AwsSettings::default() };
    AwsCloud::connect_with_keys(&settings, observer, "AKIDEXAMPLE", "secret").await.unwrap()
}

/// Remembers what it observes as `attempt|call operation status code retries`.
#[derive(Default)]
struct CallLog(Mutex<Vec<String>>);

impl CallLog {
    fn note(&self, kind: &str, outcome: &CallOutcome) {
        let CallOutcome { operation, status, error_code, retries, .. } = outcome;
        self.0.lock().unwrap().push(format!("{kind} {operation} {status} {error_code:?} {retries}"));
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for CallLog {
    fn attempt(&self, outcome: &CallOutcome) {
        self.note("attempt", outcome);
    }

    fn call(&self, outcome: &CallOutcome) {
        self.note("call", outcome);
    }

    fn duration(&self, _: Action, _: Duration) {}
}
