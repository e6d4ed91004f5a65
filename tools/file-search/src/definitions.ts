// What the file tools offer, as `describe` gives it.

export const DEFINITIONS: string = `[
  {
    "name": "search_files",
    "title": "Search in files",
    "description": "Finds the lines of text files below the granted directories that contain a string, with line numbers and context. Binary files are passed over.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "query": { "type": "string", "minLength": 1, "description": "Taken literally." },
        "path": { "type": "string", "description": "File or directory to search; every granted directory if absent." },
        "glob": { "type": "string", "description": "Only files whose path below the directory, or name if the pattern has no slash, matches: * ? ** [a-z] {a,b}." },
        "ignoreCase": { "type": "boolean", "description": "Ignore the case of ASCII letters." },
        "wholeWord": { "type": "boolean", "description": "Only where no letter or digit adjoins." },
        "context": { "type": "integer", "minimum": 0, "maximum": 20, "description": "Lines shown around a match; 0 if absent." },
        "maxMatches": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "Stop after this many lines; 100 if absent." }
      },
      "required": ["query"],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "matches": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": { "path": { "type": "string" }, "line": { "type": "integer" }, "column": { "type": "integer", "description": "In bytes, from 1." }, "text": { "type": "string" } },
            "required": ["path", "line", "column", "text"]
          }
        },
        "filesSearched": { "type": "integer" },
        "filesSkipped": { "type": "integer", "description": "Binary, too large or unreadable." },
        "complete": { "type": "boolean", "description": "Whether everything was searched." }
      },
      "required": ["matches", "filesSearched", "filesSkipped", "complete"]
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  },
  {
    "name": "list_files",
    "title": "List files",
    "description": "Lists a granted directory, or the granted directories themselves.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "path": { "type": "string", "description": "Directory; the granted directories if absent." },
        "glob": { "type": "string", "description": "Only entries that match, as in search_files." },
        "recursive": { "type": "boolean", "description": "Also what lies below." },
        "maxEntries": { "type": "integer", "minimum": 1, "maximum": 5000, "description": "1000 if absent." }
      },
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "entries": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": { "path": { "type": "string" }, "kind": { "type": "string", "enum": ["file", "directory"] } },
            "required": ["path", "kind"]
          }
        },
        "complete": { "type": "boolean" }
      },
      "required": ["entries", "complete"]
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  },
  {
    "name": "read_file",
    "title": "Read a file",
    "description": "Reads lines of a text file in a granted directory.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "path": { "type": "string" },
        "offset": { "type": "integer", "minimum": 1, "description": "First line, from 1." },
        "limit": { "type": "integer", "minimum": 1, "maximum": 5000, "description": "How many lines; 200 if absent." }
      },
      "required": ["path"],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "path": { "type": "string" },
        "text": { "type": "string" },
        "firstLine": { "type": "integer" },
        "lines": { "type": "integer" },
        "size": { "type": "integer", "description": "Bytes of the whole file." },
        "complete": { "type": "boolean", "description": "Whether the end of the file was reached." }
      },
      "required": ["path", "text", "firstLine", "lines", "size", "complete"]
    },
    "annotations": { "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false }
  }
]`;
