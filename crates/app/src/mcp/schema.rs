//! JSON schemas of what tools take and answer, in the plain form that every client reads.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The schema of what a tool takes.
pub(super) fn input<T: JsonSchema>() -> Arc<Map<String, Value>> {
    plain::<T>(SchemaSettings::draft2020_12())
}

/// The schema of what a tool answers.
pub(super) fn output<T: JsonSchema>() -> Arc<Map<String, Value>> {
    plain::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn plain<T: JsonSchema>(settings: SchemaSettings) -> Arc<Map<String, Value>> {
    let settings = settings.with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    match schema {
        Value::Object(mut fields) => {
            fields.remove("title");
            fields.remove("description");
            // Some clients want it, also where there is nothing in it.
            fields.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            Arc::new(fields)
        }
        other => unreachable!("BUG: the schema of an object is {other}"),
    }
}

/// What may be left out is left out and never null; formats that only Rust knows are no use to others.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("format");
            fields.remove("default");
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|of| of != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".to_owned(), only);
                }
            }
            for (keyword, value) in fields {
                match value {
                    // Its keys are names of ours.
                    Value::Object(named) if keyword == "properties" => named.values_mut().for_each(simplify),
                    value => simplify(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
