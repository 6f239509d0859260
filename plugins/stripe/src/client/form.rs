//! Parameters as Stripe reads them: `application/x-www-form-urlencoded`, with what lies inside others in brackets.

use url::form_urlencoded::Serializer;

/// Parameters of a request.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// No parameters yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one: `subscription_data[metadata][belgie_subscription]`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// Adds one if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds what others want to say, but nothing that is said here already.
    #[must_use]
    pub fn with_others(mut self, others: Vec<(String, String)>) -> Self {
        let is_new = |(name, _): &(String, String)| !self.0.iter().any(|(own, _)| own == name);
        let new: Vec<_> = others.into_iter().filter(is_new).collect();
        self.0.extend(new);
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in one text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = Serializer::new(String::new());
        text.extend_pairs(&self.0);
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn brackets_and_odd_letters_are_written_so_that_they_come_back() {
        let form = Form::new()
            .with("line_items[0][price]", "price_1")
            .with("metadata[name]", "Ada & Söhne = 100 %")
            .with_some("locale", None::<&str>);
        let expected = "line_items%5B0%5D%5Bprice%5D=price_1&metadata%5Bname%5D=Ada+%26+S%C3%B6hne+%3D+100+%25";
        assert_eq!(form.encode(), expected);
        let read: Vec<_> = url::form_urlencoded::parse(expected.as_bytes()).collect();
        assert_eq!(read[1].1, "Ada & Söhne = 100 %");
    }
}
