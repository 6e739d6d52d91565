//! Which values a WHERE names for a column: `feed = 'a'`, `feed IN ('a', 'b')`, and what the optimizer makes of them.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};

/// The values that a text column must have for all of the filters to hold; none where they do not name any.
pub(super) fn named(column: &str, filters: &[Expr]) -> Option<BTreeSet<String>> {
    filters.iter().filter_map(|filter| named_by(column, filter)).reduce(|a, b| both(a, &b))
}

fn named_by(column: &str, filter: &Expr) -> Option<BTreeSet<String>> {
    match filter {
        Expr::BinaryExpr(binary) => {
            let (left, right) = (binary.left.as_ref(), binary.right.as_ref());
            match binary.op {
                Operator::Eq => {
                    let value = match (left, right) {
                        (Expr::Column(c), Expr::Literal(value, _))
                        | (Expr::Literal(value, _), Expr::Column(c))
                            if c.name == column =>
                        {
                            text(value)?
                        }
                        _ => return None,
                    };
                    Some([value].into())
                }
                Operator::Or => {
                    let (mut left, right) = (named_by(column, left)?, named_by(column, right)?);
                    left.extend(right);
                    Some(left)
                }
                Operator::And => match (named_by(column, left), named_by(column, right)) {
                    (Some(left), Some(right)) => Some(both(left, &right)),
                    (left, right) => left.or(right),
                },
                _ => None,
            }
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(named) = list.expr.as_ref() else { return None };
            let value = |item: &Expr| match item {
                Expr::Literal(value, _) => text(value),
                _ => None,
            };
            if named.name == column { list.list.iter().map(value).collect() } else { None }
        }
        _ => None,
    }
}

fn both(mut left: BTreeSet<String>, right: &BTreeSet<String>) -> BTreeSet<String> {
    left.retain(|value| right.contains(value));
    left
}

fn text(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn feeds(filters: &[Expr]) -> Option<Vec<String>> {
        named("feed", filters).map(|set| set.into_iter().collect())
    }

    #[test]
    fn equality_and_lists_name_values() {
        let own = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(feeds(&[col("feed").eq(lit("a"))]), own(&["a"]));
        assert_eq!(feeds(&[lit("a").eq(col("feed"))]), own(&["a"]));
        let list = col("feed").in_list(vec![lit("b"), lit("a")], false);
        assert_eq!(feeds(std::slice::from_ref(&list)), own(&["a", "b"]));
        let or = col("feed").eq(lit("a")).or(col("feed").eq(lit("c")));
        assert_eq!(feeds(std::slice::from_ref(&or)), own(&["a", "c"]));
        assert_eq!(feeds(&[list, or]), own(&["a"]));
        let and = col("stage").eq(lit("final")).and(col("feed").eq(lit("a")));
        assert_eq!(feeds(&[and]), own(&["a"]));
    }

    #[test]
    fn anything_else_names_nothing() {
        for filter in [
            col("feed").not_eq(lit("a")),
            col("feed").like(lit("a%")),
            col("feed").in_list(vec![lit("a")], true),
            col("feed").eq(lit("a")).or(col("stage").eq(lit("final"))),
            col("unit").eq(lit("a")),
        ] {
            assert_eq!(feeds(std::slice::from_ref(&filter)), None, "{filter}");
        }
    }
}
