//! Git as users, agents and people of a test call it. Knows nothing of what they do.

/// The environment in which git, whoever starts it, leaves nothing at work behind: its maintenance would go on in the
/// background, in a folder that is looked at or thrown away meanwhile.
pub const ALONE: [(&str, &str); 5] = [
    ("GIT_CONFIG_COUNT", "2"),
    ("GIT_CONFIG_KEY_0", "gc.auto"),
    ("GIT_CONFIG_VALUE_0", "0"),
    ("GIT_CONFIG_KEY_1", "maintenance.auto"),
    ("GIT_CONFIG_VALUE_1", "false"),
];
