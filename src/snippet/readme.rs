//! The examples in the README of a building block: what its tests run and its users read.
//! Input: Markdown. Output: examples: a title, a policy, and what it must yield.

/// One example: the fences under one heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// The heading before it, a sentence.
    pub title: String,
    /// The line of its policy fence, from 1.
    pub line: usize,
    /// The text of the `cgwfw` fence.
    pub policy: String,
    /// All other fences after it: their language and their text.
    pub expected: Vec<(String, String)>,
}

impl Example {
    /// The text of a fence.
    pub fn expected(&self, language: &str) -> Option<&str> {
        self.expected.iter().find(|(name, _)| name == language).map(|(_, text)| text.as_str())
    }
}

/// The examples of a Markdown text: each `cgwfw` fence begins one.
pub fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut title = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(heading) = line.strip_prefix('#') {
            title = heading.trim_start_matches('#').trim().to_owned();
        }
        let Some(language) = line.strip_prefix("```") else { continue };
        let mut body = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| !line.starts_with("```")) {
            body.push_str(line);
            body.push('\n');
        }
        match language.trim() {
            "cgwfw" => {
                examples.push(Example { title: title.clone(), line: number + 1, policy: body, expected: Vec::new() })
            }
            language => {
                if let Some(example) = examples.last_mut() {
                    example.expected.push((language.to_owned(), body));
                }
            }
        }
    }
    examples
}
