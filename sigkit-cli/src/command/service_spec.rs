//! What flags say about services, as members of a document.

use serde_json::{Map, Value, json};
use sigkit_core::time::UnixTime;

use crate::args::ServiceSpec;
use crate::error::CliError;

/// Replaces the services by those of a flag, if the flag was given.
pub(super) fn put(
    members: &mut Map<String, Value>,
    member: &str,
    specs: &[ServiceSpec],
    read: impl Fn(&ServiceSpec) -> Result<Value, CliError>,
) -> Result<(), CliError> {
    if !specs.is_empty() {
        members.insert(member.to_owned(), specs.iter().map(read).collect::<Result<Vec<_>, _>>()?.into());
    }
    Ok(())
}

/// The window of a service, in UTC.
pub(super) fn validity(spec: &ServiceSpec) -> Result<Map<String, Value>, String> {
    let mut window = Map::new();
    let mut times = Vec::new();
    for (key, member) in [("start-time", "start"), ("end-time", "end")] {
        if let Some(text) = spec.optional(key) {
            let time: UnixTime = text.parse().map_err(|error| format!("{key}: {error}"))?;
            window.insert(member.to_owned(), json!(time.to_string()));
            times.push(time);
        }
    }
    if let [start, end] = times.as_slice()
        && end < start
    {
        return Err(format!("it ends at {end}, before it starts at {start}"));
    }
    Ok(window)
}
