//! The definition that we ship passes, and each mistake yields its message with file, line and what to write.

use appliance::{Appliance, DefinitionFiles};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";

fn instance() -> String {
    format!(
        "project = \"example\"\ndomain = \"broker.example.com\"\nrelease_keys = [\"{KEY}\"]\nci_ssh_keys = [\"{KEY}\"]\n\
         [[admins]]\nusername = \"alice\"\nssh_keys = [\"{KEY}\"]\n"
    )
}

fn refusal(files: &DefinitionFiles<'_>, instance: &str) -> String {
    Appliance::parse(files, "instance.toml", instance)
        .expect_err("it has mistakes")
        .to_string()
}

#[test]
fn the_shipped_definition_is_sound() {
    let appliance = Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &instance());
    let appliance = appliance.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(appliance.instance.name.as_str(), "data-broker");
    assert_eq!(appliance.instance.region(), "europe-north1");
    assert_eq!(appliance.disks.len(), 3);
    assert!(appliance.directories.iter().any(|directory| directory.closed));
}

#[test]
fn every_mistake_is_told_at_once() {
    let bad = "projekt = \"x\"\nzone = \"nowhere\"\ndomain = \"Broker\"\n[[admins]]\nusername = \"root\"\nssh_keys = []\n";
    insta::assert_snapshot!(refusal(&DefinitionFiles::shipped(), bad));
}

/// One edit of one file of the definition, and the words that its refusal must have.
struct Mistake {
    name: &'static str,
    edit: fn(&mut DefinitionFiles<'static>),
    expected: &'static [&'static str],
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "two owners of one path",
        edit: |files| {
            files
                .layout
                .to_mut()
                .push_str("[[directory]]\npaths = [\"/data/docs\"]\nmode = \"0755\"\nbecause = \"x\"\n")
        },
        expected: &["layout.toml:", "/data/docs has two owners"],
    },
    Mistake {
        name: "a path outside the roots",
        edit: |files| {
            files
                .layout
                .to_mut()
                .push_str("[[directory]]\npaths = [\"/usr/lib/x\"]\nmode = \"0755\"\nbecause = \"x\"\n")
        },
        expected: &["/usr/lib/x lies outside", "choose a path below"],
    },
    Mistake {
        name: "a path that climbs",
        edit: |files| {
            files
                .layout
                .to_mut()
                .push_str("[[directory]]\npaths = [\"/data/../etc\"]\nmode = \"0755\"\nbecause = \"x\"\n")
        },
        expected: &["not in its shortest form"],
    },
    Mistake {
        name: "a cycle of units",
        edit: |files| {
            let text = files.services.to_mut();
            *text = text.replacen(
                "spool = \"webapp\"\n",
                "spool = \"webapp\"\nafter = [\"fs-sync.service\"]\n",
                1,
            );
            *text = text.replacen(
                "command = \"/usr/bin/sync",
                "after = [\"webapp.service\"]\ncommand = \"/usr/bin/sync",
                1,
            );
        },
        expected: &["units wait for each other", "webapp.service"],
    },
    Mistake {
        name: "a cycle of links",
        edit: |files| {
            files.layout.to_mut().push_str(
                "[[link]]\npath = \"/data/a\"\ntarget = \"b\"\n[[link]]\npath = \"/data/b\"\ntarget = \"/data/a\"\n",
            );
        },
        expected: &["links lead in a circle: /data/a to /data/b to /data/a"],
    },
    Mistake {
        name: "another operating system",
        edit: |files| {
            let text = files.operating_system.to_mut();
            *text = text.replace("id = \"debian\"", "id = \"ubuntu\"");
        },
        expected: &["the definition is for ubuntu 12", "write `id = \"debian\"`"],
    },
    Mistake {
        name: "a mode that contradicts its profile",
        edit: |files| {
            files.layout.to_mut().push_str(
                "[[directory]]\npaths = [\"/data/x\"]\nmode = \"2755\"\nacl = \"PUB\"\nbecause = \"x\"\n",
            );
        },
        expected: &[
            "mode 2755 contradicts the ACL profile PUB",
            "write `mode = \"2770\"`",
        ],
    },
    Mistake {
        name: "an owner that does not exist",
        edit: |files| {
            files
                .layout
                .to_mut()
                .push_str("[[directory]]\npaths = [\"/data/x\"]\nowner = \"nobody1\"\nmode = \"0755\"\nbecause = \"x\"\n");
        },
        expected: &["there is no account nobody1"],
    },
    Mistake {
        name: "a wildcard in sudo",
        edit: |files| {
            files.sudo.to_mut().push_str(
                "[[file.rule]]\nwho = \"runbooks\"\nrunas = \"root\"\nprogram = \"/bin/cp\"\narguments = \"a *\"\n",
            );
        },
        expected: &["\"a *\" is not exact"],
    },
    Mistake {
        name: "an unknown key with a near one",
        edit: |files| files.disks.to_mut().push_str("byts = 1\n"),
        expected: &["the key `byts` is unknown", "write `bytes`"],
    },
    Mistake {
        name: "no TOML",
        edit: |files| files.limits.to_mut().push_str("[[limit\n"),
        expected: &["limits.toml:", "this is not TOML"],
    },
];

#[test]
fn each_mistake_has_its_message() {
    for mistake in MISTAKES {
        let mut files = DefinitionFiles::shipped();
        (mistake.edit)(&mut files);
        let text = refusal(&files, &instance());
        for expected in mistake.expected {
            assert!(
                text.contains(expected),
                "{}: {expected:?} is not in\n{text}",
                mistake.name
            );
        }
    }
}

#[test]
fn an_instance_that_contradicts_the_definition_is_refused() {
    for (addition, expected) in [
        ("[settings]\nNO_SUCH = \"1\"\n", "there is no setting NO_SUCH"),
        ("[settings]\nSERVER_HOSTNAME = \"x\"\n", "follows from the rest"),
        ("[disks.data]\nsize_gb = 0\n", "0 GB is no size"),
        (
            "[[admins]]\nusername = \"da-x\"\nssh_keys = []\n",
            "begins with \"da-\"",
        ),
        (
            "[[admins]]\nusername = \"obs\"\nssh_keys = [\"x\"]\n",
            "is a system account",
        ),
    ] {
        let text = refusal(&DefinitionFiles::shipped(), &(instance() + addition));
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn the_schema_has_the_keys_that_the_reader_takes() {
    let schema: serde_json::Value =
        serde_json::from_str(appliance::INSTANCE_SCHEMA).expect("the schema is JSON");
    let documented: Vec<&String> = schema["properties"]
        .as_object()
        .expect("properties")
        .keys()
        .collect();
    let text = refusal(&DefinitionFiles::shipped(), "quite-unlike-any-of-them = 1\n");
    let (_, known) = text
        .split_once("the keys here are ")
        .expect("the reader lists what it takes");
    let mut known: Vec<&str> = known.lines().next().unwrap_or_default().split(", ").collect();
    let mut documented: Vec<&str> = documented.into_iter().map(String::as_str).collect();
    known.sort_unstable();
    documented.sort_unstable();
    assert_eq!(known, documented);
}
