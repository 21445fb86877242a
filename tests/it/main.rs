//! What must hold, one file for each subject; the name of a test is the rule.

mod generated_entities;
mod round_trip;
