//! Uploading blobs. OCI distribution specification 1.1, "Pushing blobs": POST for a place, PUT of the whole to it.

use std::future::{Future as _, poll_fn};
use std::pin::pin;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Url};

use super::auth::{Access, Scope};
use super::client::RegistryStore;
use super::error_body::{AttemptError, RegistryResponse};
use super::read::stated_digest;
use super::write_outcome::{check_stored, is_lost_upload, write_error};
use crate::digest::Digest;
use crate::http::{HttpError, Idempotency, Request, Upload, UploadFeed, ssrf};
use crate::oci::Repository;
use crate::store::{BlobSource, Mounted, StoreError, verified};

/// What is uploaded.
enum Payload<'a> {
    /// Bytes compared with their digest.
    Bytes(Bytes),
    /// A stream, opened again for each attempt.
    Stream(BlobSource<'a>),
}

/// Checks whether the blob is there, and uploads it if not. An upload that fails is started again.
pub(super) async fn store(store: &RegistryStore, blob: BlobSource<'_>) -> Result<(), StoreError> {
    let (digest, size) = (blob.digest(), blob.size());
    match blob.in_memory() {
        Some(_) => {
            let place = format!("a blob of {}", store.repository);
            let payload = Payload::Bytes(Bytes::from(blob.into_bytes(u64::MAX).await?));
            store.context().http.within_total(&place, store_payload(store, &payload, &digest, size)).await
        }
        None => store_payload(store, &Payload::Stream(blob), &digest, size).await,
    }
}

async fn store_payload(
    store: &RegistryStore,
    payload: &Payload<'_>,
    digest: &Digest,
    size: u64,
) -> Result<(), StoreError> {
    let head = Request::new(Method::HEAD, store.url(&format!("blobs/{digest}")).await?);
    let reply = store.send(&head, Access::Push, Idempotency::Safe).await?;
    match reply.status.as_u16() {
        200 if has_length(&reply, size) => return Ok(()),
        401 | 403 | 408 | 429 | 500..=599 => return Err(reply.any_error("whether the blob is there (200 or 404)")),
        _ => {}
    }
    let mut start = Request::new(Method::POST, store.url("blobs/uploads/").await?);
    start.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    if let Payload::Stream(_) = payload {
        start.follow_up_bytes = size;
    }
    let endpoint = store.host().endpoint(store.context()).await?;
    let attempt = || upload(store, &start, payload, digest);
    let reply = store.context().http.retry(&endpoint, &start, Idempotency::Safe, attempt).await?;
    if reply.status.as_u16() != 201 {
        return Err(write_error(&reply));
    }
    match (payload, stated_digest(&reply)) {
        (Payload::Bytes(bytes), _) => check_stored(&reply, bytes),
        (Payload::Stream(_), Some(found)) if found.algorithm() == digest.algorithm() => {
            verified::compare_digest(&reply.place, digest, found)
        }
        (Payload::Stream(_), _) => Ok(()),
    }
}

/// One upload.
async fn upload(
    store: &RegistryStore,
    start: &Request,
    payload: &Payload<'_>,
    digest: &Digest,
) -> Result<RegistryResponse, AttemptError> {
    let scope = Scope::new(&store.repository, Access::Push);
    let begun = store.host().attempt(store.context(), start, &scope).await?;
    if begun.status.as_u16() != 202 {
        return Ok(begun);
    }
    let endpoint = store.host().endpoint(store.context()).await?;
    let location = begun
        .header(LOCATION)
        .filter(|location| !location.trim().is_empty())
        .ok_or_else(|| HttpError::protocol(&begun.place, "expected a Location to upload to, found none"))?;
    let mut url = start
        .url
        .join(location)
        .map_err(|_| HttpError::protocol(&begun.place, "expected a Location to upload to, found an invalid URL"))?;
    ssrf::check_target(&url, &endpoint.base)
        .map_err(|detail| HttpError::protocol(&begun.place, format!("a Location that is not uploaded to: {detail}")))?;
    append_digest(&mut url, digest);
    let mut put = Request::new(Method::PUT, url);
    put.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let reply = match payload {
        Payload::Bytes(bytes) => {
            put.body = Some(bytes.clone());
            store.host().attempt(store.context(), &put, &scope).await?
        }
        Payload::Stream(blob) => put_stream(store, put, blob, &scope).await?,
    };
    if is_lost_upload(&reply) {
        let detail = format!("the upload was lost: {}", reply.words());
        return Err(HttpError::transient(&reply.place, detail).into());
    }
    Ok(reply)
}

/// Sends a stream while it is read. What is wrong with its source is an error of the source, not of the registry.
async fn put_stream(
    store: &RegistryStore,
    mut put: Request,
    blob: &BlobSource<'_>,
    scope: &Scope,
) -> Result<RegistryResponse, AttemptError> {
    let (upload, sink) = Upload::new(blob.size());
    put.upload = Some(upload);
    let mut fault = None;
    let outcome = {
        let mut feeding = pin!(feed(blob, sink, &mut fault));
        let host = store.host();
        let mut sending = pin!(host.attempt(store.context(), &put, scope));
        let mut is_fed = false;
        // The answer ends both: it may come before all has been sent.
        poll_fn(|context| {
            is_fed = is_fed || feeding.as_mut().poll(context).is_ready();
            sending.as_mut().poll(context)
        })
        .await
    };
    match fault {
        Some(error) => Err(AttemptError::from(error)),
        None => outcome,
    }
}

/// Reads the source into the request. The last byte is given only once all of them have been compared with the digest: a registry that does
/// not compare them itself must not take other bytes.
async fn feed(blob: &BlobSource<'_>, sink: UploadFeed, fault: &mut Option<StoreError>) {
    let read = async {
        let mut stream = blob.open().await?;
        let mut held = None;
        while let Some(chunk) = stream.chunk().await? {
            if let Some(before) = held.replace(chunk) {
                sink.give(before).await;
            }
        }
        if let Some(last) = held {
            sink.give(last).await;
        }
        Ok(())
    };
    if let Err(error) = read.await {
        *fault = Some(error);
        sink.cut_off().await;
    }
}

/// Asks for a blob of another repository of the same registry.
pub(super) async fn mount(store: &RegistryStore, blob: &Digest, from: &Repository) -> Result<Mounted, StoreError> {
    if from.registry() != store.repository.registry() {
        return Ok(Mounted::No);
    }
    let path = format!("blobs/uploads/?mount={blob}&from={}", from.path());
    let mut start = Request::new(Method::POST, store.url(&path).await?);
    start.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    let reply = store.send(&start, Access::Push, Idempotency::Safe).await?;
    match reply.status.as_u16() {
        201 => Ok(Mounted::Yes),
        // An upload was begun instead, which the registry forgets in time.
        202 => Ok(Mounted::No),
        _ => Err(write_error(&reply)),
    }
}

/// Adds `digest` to a query that may carry the registry's own state, which stays as it is, byte for byte.
fn append_digest(url: &mut Url, digest: &Digest) {
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
}

/// Returns true if the registry speaks of that many bytes; one that does not say is not assumed to have them.
fn has_length(reply: &RegistryResponse, length: u64) -> bool {
    reply.header(CONTENT_LENGTH).is_some_and(|stated| stated.parse() == Ok(length))
}
