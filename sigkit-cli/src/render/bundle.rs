//! A bundle for people. All of it is what the bundle says of itself, and escaped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sigkit_core::bundle::{LogEntry, SignedEntity, VerificationMaterial};
use sigkit_core::content::{Content, Statement};
use sigkit_core::limits::Limits;
use sigkit_core::trust::Certificate;

use sigkit_core::text::escape;

/// The bundle as lines of a name and a value, then what is missing or unusual.
pub(crate) fn bundle(name: &str, entity: &SignedEntity) -> String {
    let mut page = Page::default();
    page.line("bundle", name);
    content(&mut page, &entity.content);
    signer(&mut page, &entity.material);
    for (number, entry) in (1..).zip(&entity.log_entries) {
        log_entry(&mut page, number, entry);
    }
    for (number, stamp) in (1..).zip(&entity.timestamps) {
        page.line(&format!("timestamp {number}"), &format!("RFC 3161, {} bytes", stamp.0.len()));
    }
    if entity.log_entries.is_empty() {
        page.note("no log entry: with an identity, verification asks for one");
    }
    let says_time = entity.log_entries.iter().any(|entry| entry.inclusion_promise.is_some());
    if matches!(entity.material, VerificationMaterial::Certificate(_)) && entity.timestamps.is_empty() && !says_time {
        page.note("no signing time: the certificate must be valid at the time of verification");
    }
    page.note("nothing here has been verified");
    page.text()
}

/// What can be read of a bundle that is broken, if it is JSON at all.
pub(crate) fn broken_bundle(name: &str, bytes: &[u8]) -> Option<String> {
    let bundle: Value = serde_json::from_slice(bytes).ok().filter(Value::is_object)?;
    let mut page = Page::default();
    page.line("bundle", name);
    let text = |path: &str| match bundle.pointer(path) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let decoded = |path: &str| STANDARD.decode(text(path)?).ok();
    for (member, name) in [
        ("/mediaType", "media type"),
        ("/dsseEnvelope/payloadType", "payload type"),
        ("/messageSignature/messageDigest/algorithm", "digest algorithm"),
        ("/verificationMaterial/publicKey/hint", "key hint"),
    ] {
        text(member).into_iter().for_each(|value| page.line(name, &value));
    }
    if let Some(digest) = decoded("/messageSignature/messageDigest/digest") {
        page.line("digest", &digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    if let Some(payload) = decoded("/dsseEnvelope/payload") {
        statement(&mut page, std::sync::Arc::new(payload));
    }
    for signature in ["/messageSignature/signature", "/dsseEnvelope/signatures/0/sig", "/base64Signature"] {
        match (text(signature), decoded(signature)) {
            (Some(_), Some(bytes)) => page.line("signature", &format!("{} bytes", bytes.len())),
            (Some(_), None) => page.note(&format!("{signature} is not base64")),
            (None, _) => {}
        }
    }
    for member in ["/verificationMaterial/certificate", "/verificationMaterial/x509CertificateChain/certificates/0"] {
        if let Some(der) = decoded(&format!("{member}/rawBytes")) {
            page.line("signer", "a certificate");
            certificate(&mut page, &der);
        }
    }
    let entries = bundle.pointer("/verificationMaterial/tlogEntries").and_then(Value::as_array).map_or(0, Vec::len);
    for entry in 0..entries {
        let member = |name: &str| text(&format!("/verificationMaterial/tlogEntries/{entry}/{name}"));
        let known = |name: &str| member(name).unwrap_or_else(|| "not given".to_owned());
        let words =
            format!("{}, index {}, time {}", known("kindVersion/kind"), known("logIndex"), known("integratedTime"));
        page.line(&format!("log entry {}", entry + 1), &words);
    }
    page.note("the bundle is broken: this is what can be read of it, and nothing here has been verified");
    Some(page.text())
}

#[derive(Default)]
struct Page {
    lines: String,
    notes: String,
}

impl Page {
    fn line(&mut self, name: &str, value: &str) {
        self.lines.push_str(&format!("{name:<22} {}\n", escape::one_line(value)));
    }

    fn note(&mut self, text: &str) {
        self.notes.push_str(&format!("note: {}\n", escape::one_line(text)));
    }

    fn text(self) -> String {
        self.lines + &self.notes
    }
}

fn content(page: &mut Page, content: &Content) {
    match content {
        Content::Message(message) => {
            page.line("signed", "the bytes of a file");
            match &message.digest {
                Some(digest) => page.line("  digest", &digest.to_string()),
                None => page.note("no digest of the file: only the signature identifies it"),
            }
        }
        Content::Envelope(envelope) => {
            page.line("signed", &format!("DSSE envelope of {}", envelope.payload_type));
            statement(page, std::sync::Arc::clone(&envelope.payload));
        }
        _ => page.line("signed", "simple signing document"),
    }
    page.line("  signature", &format!("{} bytes", content.signature().as_bytes().len()));
}

fn statement(page: &mut Page, payload: std::sync::Arc<Vec<u8>>) {
    match Statement::parse(payload, &Limits::DEFAULT) {
        Ok(statement) => {
            page.line("  predicate type", &statement.predicate_type);
            for subject in &statement.subjects {
                let digests: Vec<String> =
                    subject.digests.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                page.line("  subject", &format!("{} {}", subject.name, digests.join(" ")));
            }
        }
        Err(error) => page.note(&format!("the payload is not a statement: {error}")),
    }
}

fn signer(page: &mut Page, material: &VerificationMaterial) {
    match material {
        VerificationMaterial::KeyHint(hint) => page.line("signer", &format!("a key; hint {hint}")),
        VerificationMaterial::Certificate(chain) => {
            page.line("signer", "a certificate");
            if let Some(leaf) = chain.first() {
                certificate(page, leaf);
            }
            if chain.len() > 1 {
                page.note(&format!(
                    "{} additional certificates are ignored: chains are built from the trusted root",
                    chain.len() - 1
                ));
            }
        }
        _ => {
            page.line("signer", "not said");
            page.note("the signer is not named: verification needs the key or the certificate");
        }
    }
}

fn certificate(page: &mut Page, der: &[u8]) {
    let certificate = match Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return page.note(&format!("the certificate cannot be read: {error}")),
    };
    match certificate.signer() {
        Ok(identity) => {
            page.line("  identity", &format!("{} ({})", identity.subject, identity.kind));
            page.line("  OIDC issuer", identity.issuer.as_deref().unwrap_or("none"));
            for (extension, value) in &identity.extensions {
                page.line(&format!("  {}", extension.name()), value);
            }
        }
        Err(error) => page.note(&format!("the certificate does not name a signer: {error}")),
    }
    page.line("  valid", &certificate.validity().to_string());
    page.line("  issued by", &certificate.issuer());
}

fn log_entry(page: &mut Page, number: usize, entry: &LogEntry) {
    page.line(&format!("log entry {number}"), &format!("{}, index {}", entry.kind, entry.log_index));
    page.line("  log", &entry.log_id.to_string());
    match entry.integrated_time {
        Some(time) if entry.inclusion_promise.is_some() => page.line("  taken", &time.to_string()),
        Some(time) => {
            page.line("  taken", &time.to_string());
            page.note(&format!("log entry {number} has a time that is not signed: it has no inclusion promise"));
        }
        None => {}
    }
    match &entry.inclusion_proof {
        Some(proof) => {
            page.line("  proof", &format!("leaf {} of {}", proof.index, proof.size));
            page.line("  checkpoint of", proof.checkpoint.lines().next().unwrap_or_default());
        }
        None => page.note(&format!("log entry {number} has no inclusion proof; version 0.3 of bundles needs one")),
    }
}
