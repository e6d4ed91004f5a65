// What the note tools offer, as `describe` gives it.

export const DEFINITIONS: string = `[
  {
    "name": "note_add",
    "title": "Add a note",
    "description": "Keeps a note; with an id, replaces that note.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "text": {
          "type": "string",
          "minLength": 1,
          "maxLength": 100000
        },
        "title": {
          "type": "string",
          "maxLength": 200
        },
        "tags": {
          "type": "array",
          "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64
          },
          "maxItems": 20
        },
        "id": {
          "type": "string",
          "pattern": "^[0-9a-f]{19}$",
          "description": "As note_add and note_list give it."
        }
      },
      "required": [
        "text"
      ],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "id": {
          "type": "string"
        },
        "replaced": {
          "type": "boolean"
        }
      },
      "required": [
        "id",
        "replaced"
      ]
    },
    "annotations": {
      "readOnlyHint": false,
      "destructiveHint": false,
      "idempotentHint": false,
      "openWorldHint": false
    }
  },
  {
    "name": "note_list",
    "title": "List notes",
    "description": "Lists the notes, newest first.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "tag": {
          "type": "string",
          "minLength": 1,
          "maxLength": 64
        },
        "limit": {
          "type": "integer",
          "minimum": 1,
          "maximum": 1000,
          "description": "50 if absent."
        }
      },
      "required": [],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "notes": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": {
              "id": {
                "type": "string"
              },
              "title": {
                "type": "string",
                "description": "The title, or the beginning of the first line."
              },
              "tags": {
                "type": "array",
                "items": {
                  "type": "string"
                }
              },
              "created": {
                "type": "integer"
              },
              "size": {
                "type": "integer"
              }
            },
            "required": [
              "id",
              "title",
              "tags",
              "created",
              "size"
            ]
          }
        },
        "complete": {
          "type": "boolean"
        }
      },
      "required": [
        "notes",
        "complete"
      ]
    },
    "annotations": {
      "readOnlyHint": true,
      "destructiveHint": false,
      "idempotentHint": true,
      "openWorldHint": false
    }
  },
  {
    "name": "note_get",
    "title": "Read a note",
    "description": "Gives one note whole.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "id": {
          "type": "string",
          "pattern": "^[0-9a-f]{19}$",
          "description": "As note_add and note_list give it."
        }
      },
      "required": [
        "id"
      ],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "id": {
          "type": "string"
        },
        "title": {
          "type": "string"
        },
        "text": {
          "type": "string"
        },
        "tags": {
          "type": "array",
          "items": {
            "type": "string"
          }
        },
        "created": {
          "type": "integer",
          "description": "Milliseconds since 1970."
        }
      },
      "required": [
        "id",
        "title",
        "text",
        "tags",
        "created"
      ]
    },
    "annotations": {
      "readOnlyHint": true,
      "destructiveHint": false,
      "idempotentHint": true,
      "openWorldHint": false
    }
  },
  {
    "name": "note_delete",
    "title": "Delete a note",
    "description": "Deletes one note for good.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "id": {
          "type": "string",
          "pattern": "^[0-9a-f]{19}$",
          "description": "As note_add and note_list give it."
        }
      },
      "required": [
        "id"
      ],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "deleted": {
          "type": "boolean"
        }
      },
      "required": [
        "deleted"
      ]
    },
    "annotations": {
      "readOnlyHint": false,
      "destructiveHint": true,
      "idempotentHint": true,
      "openWorldHint": false
    }
  },
  {
    "name": "note_search",
    "title": "Search notes",
    "description": "Finds notes whose text, title or tags contain a string, ignoring the case of ASCII letters.",
    "inputSchema": {
      "type": "object",
      "properties": {
        "query": {
          "type": "string",
          "minLength": 1
        },
        "tag": {
          "type": "string",
          "minLength": 1,
          "maxLength": 64
        },
        "limit": {
          "type": "integer",
          "minimum": 1,
          "maximum": 1000,
          "description": "50 if absent."
        }
      },
      "required": [
        "query"
      ],
      "additionalProperties": false
    },
    "outputSchema": {
      "type": "object",
      "properties": {
        "notes": {
          "type": "array",
          "items": {
            "type": "object",
            "properties": {
              "id": {
                "type": "string"
              },
              "title": {
                "type": "string"
              },
              "snippet": {
                "type": "string"
              }
            },
            "required": [
              "id",
              "title",
              "snippet"
            ]
          }
        },
        "complete": {
          "type": "boolean"
        }
      },
      "required": [
        "notes",
        "complete"
      ]
    },
    "annotations": {
      "readOnlyHint": true,
      "destructiveHint": false,
      "idempotentHint": true,
      "openWorldHint": false
    }
  }
]`;
