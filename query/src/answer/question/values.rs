//! The values of parameters: text to types, and what is said of a value, or a name, that is not one.

use dinh_lake::observation::Stage;

use super::{On, Order, Parameter, Question};
use crate::error::{ErrorKind, Fault, QueryError, Text};

pub(super) fn unknown(question: Question, name: &str) -> Fault {
    let known = question.parameters().iter().map(|parameter| parameter.name);
    let nearest = nearest(name, known);
    let (vi, en) = match &nearest {
        Some(near) => (format!("; có phải `{near}` không?"), format!("; did you mean `{near}`?")),
        None => (String::new(), String::new()),
    };
    let question = question.name();
    let message = Text::new(
        format!("`{question}` không có tham số `{name}`{vi}"),
        format!("`{question}` takes no parameter `{name}`{en}"),
    );
    Fault::of(name, "parameter.unknown", message).suggest(nearest)
}

/// The nearest of some names, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::damerau_levenshtein(name, known), known));
    let near = |(distance, known): &(usize, &str)| *distance <= known.len().div_ceil(2);
    scored.filter(near).min().map(|(_, known)| known)
}

pub(super) fn required(parameter: &Parameter) -> Fault {
    let Parameter { name, example, .. } = parameter;
    let message = Text::new(
        format!("thiếu tham số `{name}`, ví dụ `{name}={example}`"),
        format!("the parameter `{name}` is missing, for example `{name}={example}`"),
    );
    Fault::of(name, "parameter.required", message)
}

pub(super) fn later(parameter: &'static str) -> QueryError {
    let message = Text::new(
        format!(
            "tham số `{parameter}` chưa được hỗ trợ ở bản này; hãy bỏ nó đi để xem số liệu như đã báo cáo"
        ),
        format!(
            "the parameter `{parameter}` is not supported by this release yet; leave it out to read the figures as \
             reported"
        ),
    );
    let fault = Fault::of(parameter, "parameter.not_implemented", message);
    QueryError::from_fault(ErrorKind::NotImplemented, fault)
}

fn invalid(parameter: &str, value: &str, expected: (&str, &str)) -> Fault {
    let message = Text::new(
        format!("`{value}` không dùng được cho `{parameter}`; hãy ghi {}", expected.0),
        format!("`{value}` is no value for `{parameter}`; write {}", expected.1),
    );
    Fault::of(parameter, "parameter.invalid", message)
}

pub(super) fn stage(value: &str) -> Result<Stage, Fault> {
    one_of("stage", value, Stage::ALL, Stage::code)
}

/// One of a few values that have codes.
pub(super) fn one_of<T: Copy>(
    name: &str,
    value: &str,
    all: &[T],
    code: fn(T) -> &'static str,
) -> Result<T, Fault> {
    let codes = all.iter().map(|choice| code(*choice));
    let listed = codes.clone().collect::<Vec<_>>().join(", ");
    let chosen = all.iter().copied().find(|choice| code(*choice) == value);
    chosen.ok_or_else(|| invalid(name, value, (&listed, &listed)).suggest(codes))
}

/// A day, or `clusters`.
pub(super) fn structure(value: &str) -> Result<On, Fault> {
    match value {
        "clusters" => Ok(On::Clusters),
        _ => value.parse().map(On::Day).map_err(|_| {
            let expected = (
                "một ngày có thật như `2024-12-31`, hoặc `clusters`",
                "a day that there is, such as `2024-12-31`, or `clusters`",
            );
            invalid("on", value, expected)
        }),
    }
}

/// What is said of a value that is no day where only a day will do.
pub(super) fn no_day(name: &str, value: &str) -> Fault {
    invalid(name, value, ("một ngày như `2024-12-31`", "a day such as `2024-12-31`"))
}

pub(super) fn count(name: &str, value: &str) -> Result<usize, Fault> {
    let expected = ("một số nguyên không âm", "a whole number, 0 or more");
    value.parse().map_err(|_| invalid(name, value, expected))
}

pub(super) fn order(value: &str) -> Result<Order, Fault> {
    match value {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(invalid("order", value, ("`asc` hoặc `desc`", "`asc` or `desc`"))
            .suggest(["asc", "desc"])),
    }
}
