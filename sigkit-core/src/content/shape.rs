//! The shape of documents that others define: enough to see that a document is of the kind that it is attested as, without a copy
//! of it and without judging what it says.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{ContentError, clip};
use crate::json;

/// A JSON object whose members stay text until they are asked for.
#[derive(Debug)]
pub(super) struct Object<'a> {
    document: &'static str,
    members: BTreeMap<String, &'a RawValue>,
}

impl<'a> Object<'a> {
    /// Reads the members of a document, which must be strict JSON at every depth.
    pub(super) fn parse(document: &'static str, bytes: &'a [u8]) -> Result<Self, ContentError> {
        match json::from_slice::<BTreeMap<String, &'a RawValue>>(bytes) {
            Ok(members) => Ok(Self { document, members }),
            Err(error) => match json::from_slice::<&RawValue>(bytes) {
                // It is JSON, and no object.
                Ok(value) => {
                    let found = clip(value.get());
                    Err(ContentError::Member { document, member: "$", expected: "an object", found })
                }
                Err(_) => Err(ContentError::Json { document, error }),
            },
        }
    }

    /// Returns true if there is such a member, `null` aside.
    pub(super) fn has(&self, path: &'static str) -> bool {
        self.get(path).is_some()
    }

    /// The member at the end of `path`, which is told for errors.
    fn get(&self, path: &'static str) -> Option<&'a RawValue> {
        let name = path.rsplit('.').next().unwrap_or(path);
        self.members.get(name).copied().filter(|value| value.get() != "null")
    }

    fn wrong(&self, path: &'static str, expected: &'static str) -> ContentError {
        let found = self.get(path).map_or("none".to_owned(), |value| clip(value.get()));
        ContentError::Member { document: self.document, member: path, expected, found }
    }

    fn read<T: serde::Deserialize<'a>>(&self, path: &'static str) -> Option<T> {
        serde_json::from_str(self.get(path)?.get()).ok()
    }

    /// A text, of which `accepts` must be true.
    fn text(
        &self,
        path: &'static str,
        expected: &'static str,
        accepts: impl Fn(&str) -> bool,
    ) -> Result<(), ContentError> {
        let text: Option<String> = self.read(path);
        if text.is_some_and(|text| accepts(&text)) { Ok(()) } else { Err(self.wrong(path, expected)) }
    }

    /// Any text that is not empty.
    fn some_text(&self, path: &'static str) -> Result<(), ContentError> {
        self.text(path, "a string that is not empty", |text| !text.is_empty())
    }

    fn object(&self, path: &'static str) -> Result<Object<'a>, ContentError> {
        let members = self.read(path).ok_or_else(|| self.wrong(path, "an object"))?;
        Ok(Object { document: self.document, members })
    }

    fn list(&self, path: &'static str) -> Result<Vec<&'a RawValue>, ContentError> {
        self.read(path).ok_or_else(|| self.wrong(path, "a list"))
    }

    /// A member that need not be there, and is a list if it is.
    fn list_if_any(&self, path: &'static str) -> Result<(), ContentError> {
        // Strict JSON it is already, and it may be large.
        match self.get(path) {
            Some(value) if !value.get().starts_with('[') => Err(self.wrong(path, "a list")),
            _ => Ok(()),
        }
    }
}

/// SLSA provenance 0.2, "Model".
pub(super) fn slsa_provenance_02(document: &Object<'_>) -> Result<(), ContentError> {
    document.object("builder")?.some_text("builder.id")?;
    document.some_text("buildType")?;
    document.list_if_any("materials")
}

/// SLSA provenance 1, "Model".
pub(super) fn slsa_provenance_1(document: &Object<'_>) -> Result<(), ContentError> {
    let definition = document.object("buildDefinition")?;
    definition.some_text("buildDefinition.buildType")?;
    definition.object("buildDefinition.externalParameters")?;
    definition.list_if_any("buildDefinition.resolvedDependencies")?;
    document.object("runDetails")?.object("runDetails.builder")?.some_text("runDetails.builder.id")
}

/// in-toto attestation predicate "Link", and the link of in-toto 0.9 whose materials and products are maps.
pub(super) fn link(document: &Object<'_>) -> Result<(), ContentError> {
    document.some_text("name")?;
    document.list_if_any("command")?;
    for path in ["materials", "products"] {
        if document.has(path) && document.object(path).is_err() && document.list(path).is_err() {
            return Err(document.wrong(path, "a list of resources, or a map of digests"));
        }
    }
    Ok(())
}

/// SPDX 2, section 6 "Document creation information"; of SPDX 3, that it is JSON-LD with its context.
pub(super) fn spdx(document: &Object<'_>) -> Result<(), ContentError> {
    if document.has("@graph") {
        document.list("@graph")?;
        return document.text("@context", "the JSON-LD context of SPDX 3", |text| text.contains("spdx.org/rdf/3."));
    }
    document.text("spdxVersion", "SPDX-2.3 or another version", |text| text.starts_with("SPDX-"))?;
    document.text("SPDXID", "SPDXRef-DOCUMENT", |text| text == "SPDXRef-DOCUMENT")?;
    document.list_if_any("packages")
}

/// CycloneDX 1, "bom".
pub(super) fn cyclonedx(document: &Object<'_>) -> Result<(), ContentError> {
    document.text("bomFormat", "CycloneDX", |text| text == "CycloneDX")?;
    document.text("specVersion", "1.6 or another version", |text| text.starts_with("1."))?;
    document.list_if_any("components")
}

/// OpenVEX 0.2, "Document" and "Statement".
pub(super) fn openvex(document: &Object<'_>) -> Result<(), ContentError> {
    const STATUS: [&str; 4] = ["not_affected", "affected", "fixed", "under_investigation"];
    document.text("@context", "https://openvex.dev/ns/v0.2.0 or another version", |text| {
        text.starts_with("https://openvex.dev/ns")
    })?;
    document.some_text("@id")?;
    document.some_text("author")?;
    document.some_text("timestamp")?;
    for statement in document.list("statements")? {
        let members =
            serde_json::from_str(statement.get()).map_err(|_| document.wrong("statements", "a list of objects"))?;
        let statement = Object { document: document.document, members };
        if statement.text("statements[].vulnerability", "", |_| true).is_err() {
            statement.object("statements[].vulnerability")?;
        }
        let expected = "not_affected, affected, fixed or under_investigation";
        statement.text("statements[].status", expected, |text| STATUS.contains(&text))?;
    }
    Ok(())
}
