//! However an image's name is spelled, the same rules are about it.

use serde_json::json;
use sigkit_core::oci::ImageReference;
use sigkit_core::policy::PolicySet;
use sigkit_core::report::Verdict;

use super::lab::{Files, NOW, judge, read};

/// Refuses what is on one host, and lets in the rest, in each kind of document.
fn documents(host: &str) -> [(&'static str, PolicySet); 3] {
    let cluster = |name: &str, glob: &str, action: &str| {
        format!(
            "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\nspec: {{images: [{{glob: '{glob}'}}], authorities: [{{static: {{action: {action}}}}}]}}\n---\n"
        )
    };
    let own = |name: &str, glob: &str, mode: &str| {
        format!(
            "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: {name}\nimages: ['{glob}']\nmode: {mode}\nauthorities: {{a: {{key: a.pub}}}}\nrequire: [{{signature: {{by: [a], atLeast: 1}}}}]\n---\n"
        )
    };
    let below = format!("{host}/**");
    let scopes = json!({
        "default": [{"type": "insecureAcceptAnything"}],
        "transports": {"docker": {host: [{"type": "reject"}]}},
    });
    let load = |text: String| read(&text, &Files::keys(&["a"])).unwrap_or_else(|error| panic!("{error}\n{text}"));
    [
        ("ClusterImagePolicy", load(cluster("no", &below, "fail") + &cluster("rest", "**", "pass"))),
        ("ImagePolicy", load(own("no", &below, "enforce") + &own("rest", "**", "warn"))),
        ("policy.json", load(scopes.to_string())),
    ]
}

// threat: R04
#[test]
fn the_spelling_of_a_name_chooses_no_rule() {
    for (host, spellings) in [
        (
            "registry.example",
            &[
                "registry.example",
                "Registry.Example",
                "REGISTRY.EXAMPLE",
                "registry.example:443",
                "registry.example:0443",
                "REGISTRY.example:00443",
            ][..],
        ),
        ("localhost:5000", &["localhost:5000", "LOCALHOST:5000", "Localhost:05000", "localhost:0005000"]),
        ("localhost", &["localhost", "LOCALHOST", "localhost:80", "localhost:443", "LocalHost:080"]),
        ("127.0.0.1:5000", &["127.0.0.1:5000", "127.0.0.1:05000"]),
        (
            "docker.io",
            &[
                "docker.io",
                "Docker.io",
                "docker.io:443",
                "index.docker.io",
                "INDEX.docker.io:443",
                "registry-1.docker.io",
                "registry-1.docker.io:0443",
                "registry.hub.docker.com",
            ],
        ),
    ] {
        for (kind, set) in documents(host) {
            for spelling in spellings {
                for path in ["library/app:v1", "team/app"] {
                    let image = format!("{spelling}/{path}");
                    assert_eq!(judge(&set, &image, &[], &[], NOW).verdict, Verdict::Rejected, "{kind}: {image}");
                }
            }
            for other in ["registry.example:5000/app", "registry.example.test/app", "127.0.0.1:5001/app"] {
                assert_eq!(judge(&set, other, &[], &[], NOW).verdict, Verdict::Allowed, "{kind}: {other}");
            }
        }
    }
    // Addresses that only some readers take for 127.0.0.1 are not names.
    for host in ["127.1:5000", "0x7f.1:5000", "2130706433:5000", "127.0.0.001:5000", "[::ffff:127.0.0.1]:5000"] {
        let error = format!("{host}/app").parse::<ImageReference>().unwrap_err().to_string();
        assert!(error.contains("expected an address as four decimal numbers"), "{error}");
    }
}
