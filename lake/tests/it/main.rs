//! The public API of the lake, one module a theme.

#[cfg(test)]
mod calendar;
#[cfg(test)]
mod hanoi;
