//! Why a question got no answer: one kind for what the caller does next, and the words for it in Vietnamese and English.
//!
//! Text for clients and text for the log are apart: an internal error is logged where it is made, and the client is told
//! only that it happened.

use std::fmt;

/// A language that messages exist in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// Tiếng Việt.
    Vietnamese,
    /// English, where nothing else is asked for.
    #[default]
    English,
}

impl Language {
    /// Its ISO 639-1 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }
}

/// One message in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

impl Text {
    /// A message from its two texts.
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// The text in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Vietnamese => &self.vi,
            Language::English => &self.en,
        }
    }
}

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Ask differently: a parameter or the SQL is wrong.
    Invalid,
    /// Say who you are, with a token that is valid.
    Unauthenticated,
    /// Mend the token, then wait.
    TooManyAttempts,
    /// Ask for a grant.
    Forbidden,
    /// Nothing: what was asked for is not there.
    NotFound,
    /// Choose one of the candidates.
    Ambiguous,
    /// Ask for less: the answer would be over a limit.
    TooLarge,
    /// Try again in a moment.
    Busy,
    /// Wait for the release that has it.
    NotImplemented,
    /// Tell the operator.
    Internal,
}

/// One thing that is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The parameter at fault, where it is one.
    pub parameter: Option<String>,
    /// What is wrong, as a code that does not change: `parameter.unknown`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: Text,
    /// What to write instead, best first.
    pub suggestions: Vec<String>,
}

impl Fault {
    /// A fault of one parameter.
    pub fn of(parameter: &str, code: &'static str, message: Text) -> Self {
        Self { parameter: Some(parameter.to_owned()), code, message, suggestions: Vec::new() }
    }

    /// The same fault with what to write instead.
    #[must_use]
    pub fn suggest(mut self, suggestions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.suggestions = suggestions.into_iter().map(Into::into).collect();
        self
    }
}

/// Why a question got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What the caller can do.
    pub kind: ErrorKind,
    /// What is wrong, as a code that does not change.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: Text,
    /// Every fault that was found, not only the first.
    pub faults: Vec<Fault>,
}

impl QueryError {
    /// An error without faults in detail.
    pub fn new(kind: ErrorKind, code: &'static str, message: Text) -> Self {
        Self { kind, code, message, faults: Vec::new() }
    }

    /// An error of one fault.
    #[must_use]
    pub fn from_fault(kind: ErrorKind, fault: Fault) -> Self {
        Self { kind, code: fault.code, message: fault.message.clone(), faults: vec![fault] }
    }

    /// An error of one or more faults in the parameters.
    ///
    /// # Panics
    /// When `faults` is empty.
    #[must_use]
    pub fn from_faults(mut faults: Vec<Fault>) -> Self {
        if faults.len() == 1 {
            return Self::from_fault(ErrorKind::Invalid, faults.remove(0));
        }
        let join = |texts: Vec<&str>| texts.join("; ");
        let message = Text::new(
            join(faults.iter().map(|fault| fault.message.vi.as_str()).collect()),
            join(faults.iter().map(|fault| fault.message.en.as_str()).collect()),
        );
        assert!(!faults.is_empty(), "an error of faults has at least one");
        Self { kind: ErrorKind::Invalid, code: "parameters.invalid", message, faults }
    }

    /// A failure of the hub: `cause` goes to the log, the client learns only that it happened.
    pub fn internal(during: &'static str, cause: &dyn fmt::Display) -> Self {
        tracing::error!(during, %cause, "a question failed inside the hub");
        let message = Text::new(
            "máy chủ gặp lỗi khi trả lời; hãy thử lại, và báo cho người vận hành nếu lỗi còn lặp lại",
            "the hub failed to answer; try again, and tell the operator if it happens again",
        );
        Self::new(ErrorKind::Internal, "internal", message)
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.en)
    }
}

impl std::error::Error for QueryError {}
