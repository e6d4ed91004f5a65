// What the text tools offer, as `describe` gives it.

export const DEFINITIONS: string = `[
  {
    "name": "text_stats",
    "title": "Text statistics",
    "description": "Counts bytes, characters, lines and words of a text and lists its most frequent words.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "text": { "type": "string", "description": "The text to measure." },
        "top": { "type": "integer", "minimum": 0, "maximum": 1000, "description": "How many frequent words to list; 10 if absent." },
        "minLength": { "type": "integer", "minimum": 1, "maximum": 100, "description": "Leave shorter words (in bytes) out of the list; 1 if absent." }
      },
      "required": ["text"],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "bytes": { "type": "integer" },
        "characters": { "type": "integer" },
        "lines": { "type": "integer" },
        "words": { "type": "integer" },
        "distinctWords": { "type": "integer" },
        "longestLine": { "type": "integer", "description": "Characters of the longest line." },
        "topWords": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": { "word": { "type": "string" }, "count": { "type": "integer" } },
            "required": ["word", "count"]
          }
        }
      },
      "required": ["bytes", "characters", "lines", "words", "distinctWords", "longestLine", "topWords"]
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  },
  {
    "name": "text_diff",
    "title": "Line difference",
    "description": "Compares two texts line by line and gives a unified diff.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "before": { "type": "string" },
        "after": { "type": "string" },
        "context": { "type": "integer", "minimum": 0, "maximum": 100, "description": "Unchanged lines around a change; 3 if absent." }
      },
      "required": ["before", "after"],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "same": { "type": "boolean" },
        "added": { "type": "integer" },
        "removed": { "type": "integer" },
        "diff": { "type": "string" }
      },
      "required": ["same", "added", "removed", "diff"]
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  },
  {
    "name": "text_replace",
    "title": "Replace in a text",
    "description": "Replaces a literal string in a text, everywhere or up to a number of times.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "text": { "type": "string" },
        "find": { "type": "string", "minLength": 1, "description": "Taken literally." },
        "replace": { "type": "string" },
        "ignoreCase": { "type": "boolean", "description": "Ignore the case of ASCII letters." },
        "wholeWord": { "type": "boolean", "description": "Only where no letter or digit adjoins." },
        "max": { "type": "integer", "minimum": 1, "description": "Replace at most this many times." }
      },
      "required": ["text", "find", "replace"],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": { "text": { "type": "string" }, "count": { "type": "integer" } },
      "required": ["text", "count"]
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  },
  {
    "name": "text_echo",
    "title": "Echo",
    "description": "Returns its text unchanged. For trying out a connection and for measuring it.",
    "inputSchema": {
      "type": "object",
      "properties": { "text": { "type": "string" } },
      "required": ["text"],
      "additionalProperties": false
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  }
]`;
