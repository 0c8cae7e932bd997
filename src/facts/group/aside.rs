//! Members that are put aside because their group would be too costly to be built with them.
//!
//! The costliest go first, so that whoever asks for little is served whatever others of the group ask for.

use super::Member;
use crate::facts::cost::{exceeding, paths, too_costly_in_group};

/// Puts aside as few members as need be. Their order is by importance.
pub(super) fn put_aside(members: &mut [Member]) {
    let mut placed: Vec<&mut Member> = members.iter_mut().filter(|member| member.defect.is_none()).collect();
    let costs: Vec<usize> = placed.iter().map(|member| paths(&member.ingress)).collect();
    for (number, total) in exceeding(&costs) {
        if let Some(member) = placed.get_mut(number) {
            member.defect = Some(too_costly_in_group(&member.ingress, total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Ingress, ObjectKey};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn member(name: &str, paths: usize) -> Member {
        let path: Value = json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}});
        let ingress: Ingress = serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": name},
            "spec": {"rules": [{"http": {"paths": vec![path; paths]}}]},
        }))
        .expect("an Ingress");
        let key = ObjectKey::of(&ingress);
        Member { key, ingress: Arc::new(ingress), params: None, defect: None, refusal: None }
    }

    #[test]
    fn the_costliest_members_of_a_group_that_is_too_costly_are_put_aside() {
        let cases: &[(&[usize], &[usize])] = &[
            (&[4000, 6000], &[]),
            (&[4000, 6001], &[1]),
            (&[4000, 10, 4000, 4000], &[3]),
            (&[9000, 9000, 9000, 1], &[1, 2]),
            (&[1; 20], &[]),
        ];
        for (paths, expected) in cases {
            let mut members: Vec<Member> =
                paths.iter().enumerate().map(|(at, paths)| member(&format!("web-{at}"), *paths)).collect();
            put_aside(&mut members);
            let aside: Vec<usize> = (0..members.len()).filter(|at| members[*at].defect.is_some()).collect();
            assert_eq!(aside, *expected, "{paths:?}");
        }
    }
}
