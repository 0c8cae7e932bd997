//! Which image is installed, and which is refused.

use super::*;

/// What an API server serves, and Helm on its own does not know of.
const INSTALLED: [&str; 2] = ["--api-versions", "apiregistration.k8s.io/v1"];

#[test]
fn the_image_of_the_go_controller_is_refused_with_the_remedy() {
    let theirs = [
        "public.ecr.aws/eks/aws-load-balancer-controller:v3.5.0",
        "public.ecr.aws/eks/aws-load-balancer-controller:",
        "amazon/aws-alb-ingress-controller:v2.4.1",
        "docker.io/amazon/aws-load-balancer-controller:v2.0.0",
        "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-load-balancer-controller:v2.13.4",
        "registry.example.com/eks/aws-load-balancer-controller:v3.5.0",
        "registry.example.com/mirror/eks/aws-load-balancer-controller:v3.10.12-linux_amd64",
    ];
    for image in theirs {
        let (repository, tag) = image.rsplit_once(':').unwrap();
        let sets = format!("image.repository={repository},image.tag={tag}");
        let error = render(&["--set", &sets]).unwrap_err();
        for part in [repository, "Set image.repository and image.tag", "--reset-then-reuse-values"] {
            assert!(error.contains(part), "{image}: {error}");
        }
    }
}

#[test]
fn images_of_the_same_name_elsewhere_are_taken() {
    let ours = [
        "registry.example.com/aws-load-balancer-controller:v3.5.0",
        "registry.example.com/eks/aws-load-balancer-controller:v3.5.100",
        "111122223333.dkr.ecr.eu-central-1.amazonaws.com/amazon/aws-load-balancer-controller:dev",
        "localhost:5000/lbc:1",
    ];
    for image in ours {
        let (repository, tag) = image.rsplit_once(':').unwrap();
        let sets = format!("image.repository={repository},image.tag={tag}");
        let rendered = render(&[&["--set", &sets][..], &INSTALLED].concat()).unwrap();
        assert!(rendered.contains(&format!("image: \"{image}\"")), "{image}");
    }
}

#[test]
fn nothing_is_installed_without_an_image_and_a_look_at_it_names_what_is_missing() {
    let error = render(&INSTALLED).unwrap_err();
    assert!(error.contains("image.repository is needed"), "{error}");
    assert!(render(&[]).unwrap().contains("image: \"image.repository-is-not-set.invalid/"));
}
