//! Any JSON as an object of each kind under admission, created and updated.
#![no_main]

mod limit;

use aws_load_balancer_controller::admission::ingress::ClassSource;
use aws_load_balancer_controller::admission::{
    Change, ingress, ingress_class_params, service, target_group_binding,
};
use aws_load_balancer_controller::api::{IngressClass, IngressClassParams};
use aws_load_balancer_controller::config::Config;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

/// A cluster without classes.
struct Classless;

impl ClassSource for Classless {
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>> {
        Vec::new()
    }

    fn ingress_class_params(&self, _: &str) -> Option<Arc<IngressClassParams>> {
        None
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(object) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    let (config, empty) = (Config::default(), serde_json::json!({}));
    for change in [Change::create("fuzz", &object), Change::update("fuzz", &object, &empty)] {
        limit::within_limit(|| drop(service::check(&config, &change)));
        limit::within_limit(|| drop(ingress::check(&config, &change, &Classless)));
        limit::within_limit(|| drop(target_group_binding::check_fields(&config, &change)));
        limit::within_limit(|| drop(ingress_class_params::check(&config, &change)));
    }
});
