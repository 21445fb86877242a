//! `APP_ENV`: what a database is used for.

use std::str::FromStr;

/// What the database is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppEnv {
    /// A developer's own machine; the default.
    #[default]
    Development,
    /// An automated test.
    Test,
    /// A rehearsal of production.
    Staging,
    /// Real customers: no setting has an unsafe default, and no command destroys data without an explicit flag.
    Production,
}

/// The text is not a value of `APP_ENV`. The text is not shown, because it may be a misplaced password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected development, test, staging or production")]
pub struct UnknownAppEnv;

impl FromStr for AppEnv {
    type Err = UnknownAppEnv;

    fn from_str(text: &str) -> Result<Self, UnknownAppEnv> {
        match text {
            "development" => Ok(Self::Development),
            "test" => Ok(Self::Test),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err(UnknownAppEnv),
        }
    }
}

/// The value of the variable `APP_ENV`; an empty one counts as unset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppEnvVariable(pub Option<AppEnv>);

impl FromStr for AppEnvVariable {
    type Err = UnknownAppEnv;

    fn from_str(text: &str) -> Result<Self, UnknownAppEnv> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|env| Self(Some(env))) }
    }
}

#[cfg(test)]
mod tests {
    use super::{AppEnv, AppEnvVariable, UnknownAppEnv};

    #[test]
    fn an_app_env_is_one_of_four_words() {
        assert_eq!("staging".parse(), Ok(AppEnv::Staging));
        assert_eq!("prod".parse::<AppEnv>(), Err(UnknownAppEnv));
        assert_eq!("".parse::<AppEnv>(), Err(UnknownAppEnv));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!("".parse(), Ok(AppEnvVariable(None)));
        assert_eq!("production".parse(), Ok(AppEnvVariable(Some(AppEnv::Production))));
        assert_eq!("Production".parse::<AppEnvVariable>(), Err(UnknownAppEnv));
    }
}
