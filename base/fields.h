/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Field tables: how JSON becomes structs and back. (Idea 3 of 5.)
 *
 *	static const struct field rlimit_fields[] = {
 *		FIELD_STRING(struct oci_rlimit, type, REQUIRED),
 *		FIELD_U64(struct oci_rlimit, soft, REQUIRED),
 *		FIELD_U64(struct oci_rlimit, hard, REQUIRED),
 *		FIELDS_END
 *	};
 *
 * The member's name is the JSON key. The macro checks the member's C type at compile time. The same
 * table decodes, encodes and frees. Errors carry the path: "config.json: process.rlimits[2].soft:
 * expected an unsigned integer, found a string". Keys that the table does not have are ignored; a
 * null counts as absent. FIELD_X_KEY is FIELD_X for a member that cannot have the key's name
 * ("default", "linux").
 */
#ifndef BASE_FIELDS_H
#define BASE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

/* Optional scalars: absent is not zero. */
struct opt_bool { bool set; bool v; };
struct opt_u16 { bool set; uint16_t v; };
struct opt_u32 { bool set; uint32_t v; };
struct opt_u64 { bool set; uint64_t v; };
struct opt_i32 { bool set; int32_t v; };
struct opt_i64 { bool set; int64_t v; };

enum field_kind {
	FIELD_KIND_END,
	FIELD_KIND_STRING,
	FIELD_KIND_BOOL,
	FIELD_KIND_U32,
	FIELD_KIND_U64,
	FIELD_KIND_I32,
	FIELD_KIND_I64,
	FIELD_KIND_OPT_BOOL,
	FIELD_KIND_OPT_U16,
	FIELD_KIND_OPT_U32,
	FIELD_KIND_OPT_U64,
	FIELD_KIND_OPT_I32,
	FIELD_KIND_OPT_I64,
	FIELD_KIND_STRINGS, /* char **m; size_t n_m */
	FIELD_KIND_U32S,    /* uint32_t *m; size_t n_m */
	FIELD_KIND_OBJECT,  /* struct X *m: NULL when absent */
	FIELD_KIND_INLINE,  /* struct X m: always there */
	FIELD_KIND_OBJECTS, /* struct X *m; size_t n_m: an array of objects */
	/* struct X *m; size_t n_m: an object; the first member of X is char *key, the value is X's
	 * table (or the bare string, for the table FIELD_VALUE_STRING, FIELDS_END) */
	FIELD_KIND_MAP,
};
enum field_need {
	OPTIONAL,
	REQUIRED,
	/* an optional string; "" counts as absent, as it does for those who write it with Go's
	 * omitempty */
	EMPTY_ABSENT,
};

struct field {
	const char *key; /* NULL: the one member of a map's entry whose value is bare */
	enum field_kind kind;
	enum field_need need;
	size_t of;		/* sizeof the struct that has the member */
	size_t offset;		/* of the member in it */
	size_t n_offset;	/* of n_MEMBER: arrays and maps */
	size_t size;		/* sizeof struct X: objects, arrays of them, maps */
	const struct field *sub; /* X's table */
};
#define FIELDS_END { .kind = FIELD_KIND_END }

/* 0; does not compile if the member M of T is not of TYPE. */
#define FIELD_TYPE_CHECK(T, m, type)                                                               \
	(0 * sizeof(struct {                                                                       \
		 _Static_assert(__builtin_types_compatible_p(__typeof__(((T *)0)->m), type),       \
				"the member's type is not the field's");                           \
		 char unused;                                                                      \
	 }))
#define FIELD_SCALAR(T, m, k, kind_, need_, type)                                                  \
	{                                                                                          \
		.key = (k), .kind = (kind_), .need = (need_), .of = sizeof(T),                     \
		.offset = offsetof(T, m) + FIELD_TYPE_CHECK(T, m, type),                           \
	}
#define FIELD_ARRAY(T, m, k, kind_, need_, type, n)                                                \
	{                                                                                          \
		.key = (k), .kind = (kind_), .need = (need_), .of = sizeof(T),                     \
		.offset = offsetof(T, m) + FIELD_TYPE_CHECK(T, m, type),                           \
		.n_offset = offsetof(T, n) + FIELD_TYPE_CHECK(T, n, size_t),                       \
	}
#define FIELD_NESTED(T, m, k, kind_, need_, table)                                                 \
	.key = (k), .kind = (kind_), .need = (need_), .of = sizeof(T), .offset = offsetof(T, m),   \
	.sub = (table)

#define FIELD_STRING_KEY(T, m, k, need) FIELD_SCALAR(T, m, k, FIELD_KIND_STRING, need, char *)
#define FIELD_STRING(T, m, need) FIELD_STRING_KEY(T, m, #m, need)
#define FIELD_BOOL_KEY(T, m, k, need) FIELD_SCALAR(T, m, k, FIELD_KIND_BOOL, need, bool)
#define FIELD_BOOL(T, m, need) FIELD_BOOL_KEY(T, m, #m, need)
#define FIELD_U32_KEY(T, m, k, need) FIELD_SCALAR(T, m, k, FIELD_KIND_U32, need, uint32_t)
#define FIELD_U32(T, m, need) FIELD_U32_KEY(T, m, #m, need)
#define FIELD_U64_KEY(T, m, k, need) FIELD_SCALAR(T, m, k, FIELD_KIND_U64, need, uint64_t)
#define FIELD_U64(T, m, need) FIELD_U64_KEY(T, m, #m, need)
#define FIELD_I32_KEY(T, m, k, need) FIELD_SCALAR(T, m, k, FIELD_KIND_I32, need, int32_t)
#define FIELD_I32(T, m, need) FIELD_I32_KEY(T, m, #m, need)
#define FIELD_I64_KEY(T, m, k, need) FIELD_SCALAR(T, m, k, FIELD_KIND_I64, need, int64_t)
#define FIELD_I64(T, m, need) FIELD_I64_KEY(T, m, #m, need)
#define FIELD_OPT_BOOL_KEY(T, m, k, need)                                                          \
	FIELD_SCALAR(T, m, k, FIELD_KIND_OPT_BOOL, need, struct opt_bool)
#define FIELD_OPT_BOOL(T, m, need) FIELD_OPT_BOOL_KEY(T, m, #m, need)
#define FIELD_OPT_U16_KEY(T, m, k, need)                                                           \
	FIELD_SCALAR(T, m, k, FIELD_KIND_OPT_U16, need, struct opt_u16)
#define FIELD_OPT_U16(T, m, need) FIELD_OPT_U16_KEY(T, m, #m, need)
#define FIELD_OPT_U32_KEY(T, m, k, need)                                                           \
	FIELD_SCALAR(T, m, k, FIELD_KIND_OPT_U32, need, struct opt_u32)
#define FIELD_OPT_U32(T, m, need) FIELD_OPT_U32_KEY(T, m, #m, need)
#define FIELD_OPT_U64_KEY(T, m, k, need)                                                           \
	FIELD_SCALAR(T, m, k, FIELD_KIND_OPT_U64, need, struct opt_u64)
#define FIELD_OPT_U64(T, m, need) FIELD_OPT_U64_KEY(T, m, #m, need)
#define FIELD_OPT_I32_KEY(T, m, k, need)                                                           \
	FIELD_SCALAR(T, m, k, FIELD_KIND_OPT_I32, need, struct opt_i32)
#define FIELD_OPT_I32(T, m, need) FIELD_OPT_I32_KEY(T, m, #m, need)
#define FIELD_OPT_I64_KEY(T, m, k, need)                                                           \
	FIELD_SCALAR(T, m, k, FIELD_KIND_OPT_I64, need, struct opt_i64)
#define FIELD_OPT_I64(T, m, need) FIELD_OPT_I64_KEY(T, m, #m, need)
/* The arrays of strings have a NULL after the last one, uncounted; an empty array is a NULL
 * pointer. */
#define FIELD_STRINGS_KEY(T, m, k, need)                                                           \
	FIELD_ARRAY(T, m, k, FIELD_KIND_STRINGS, need, char **, n_##m)
#define FIELD_STRINGS(T, m, need) FIELD_STRINGS_KEY(T, m, #m, need)
#define FIELD_U32S_KEY(T, m, k, need) FIELD_ARRAY(T, m, k, FIELD_KIND_U32S, need, uint32_t *, n_##m)
#define FIELD_U32S(T, m, need) FIELD_U32S_KEY(T, m, #m, need)

#define FIELD_OBJECT_KEY(T, m, k, table, need)                                                     \
	{                                                                                          \
		FIELD_NESTED(T, m, k, FIELD_KIND_OBJECT, need, table),                             \
			.size = sizeof(*((T *)0)->m),                                              \
	}
#define FIELD_OBJECT(T, m, table, need) FIELD_OBJECT_KEY(T, m, #m, table, need)
#define FIELD_INLINE_KEY(T, m, k, table, need)                                                     \
	{                                                                                          \
		FIELD_NESTED(T, m, k, FIELD_KIND_INLINE, need, table),                             \
			.size = sizeof(((T *)0)->m),                                               \
	}
#define FIELD_INLINE(T, m, table, need) FIELD_INLINE_KEY(T, m, #m, table, need)
#define FIELD_OBJECTS_KEY(T, m, k, table, need)                                                    \
	{                                                                                          \
		FIELD_NESTED(T, m, k, FIELD_KIND_OBJECTS, need, table),                            \
			.size = sizeof(*((T *)0)->m),                                              \
			.n_offset = offsetof(T, n_##m) + FIELD_TYPE_CHECK(T, n_##m, size_t),       \
	}
#define FIELD_OBJECTS(T, m, table, need) FIELD_OBJECTS_KEY(T, m, #m, table, need)
/* The entries keep the order of the text. */
#define FIELD_MAP_KEY(T, m, k, table, need)                                                        \
	{                                                                                          \
		FIELD_NESTED(T, m, k, FIELD_KIND_MAP, need, table),                                \
			.size = sizeof(*((T *)0)->m),                                              \
			.n_offset = offsetof(T, n_##m) + FIELD_TYPE_CHECK(T, n_##m, size_t) +      \
				    FIELD_TYPE_CHECK(T, m->key, char *) +                          \
				    FIELD_FIRST_CHECK(__typeof__(*((T *)0)->m), key),              \
	}
#define FIELD_MAP(T, m, table, need) FIELD_MAP_KEY(T, m, #m, table, need)
#define FIELD_FIRST_CHECK(T, m)                                                                    \
	(0 * sizeof(struct {                                                                       \
		 _Static_assert(offsetof(T, m) == 0, "an entry's key must be its first member");   \
		 char unused;                                                                      \
	 }))
/* The table of a map of strings: one of these and FIELDS_END. */
#define FIELD_VALUE_STRING(T, m) FIELD_SCALAR(T, m, NULL, FIELD_KIND_STRING, REQUIRED, char *)

/*
 * Where in the input a value stands: a chain of segments on the callers' stacks. The root names the
 * input. What the macros make lives until the end of the block that they stand in.
 *	field_error(FIELD_AT(FIELD_ELEMENT(at, i), "path"), e, "must be absolute");
 */
struct field_path {
	const struct field_path *up; /* NULL: the root */
	const char *name; /* of the input, member or entry; NULL: an element of an array */
	size_t index;		     /* the element's */
	bool entry;		     /* of a map, whose keys are anything: written as ["name"] */
};
#define FIELD_ROOT(what) (&(const struct field_path){ .name = (what) })
#define FIELD_AT(up_, key_) (&(const struct field_path){ .up = (up_), .name = (key_) })
#define FIELD_ELEMENT(up_, i_) (&(const struct field_path){ .up = (up_), .index = (i_) })
#define FIELD_ENTRY(up_, key_)                                                                     \
	(&(const struct field_path){ .up = (up_), .name = (key_), .entry = true })

/* Sets *e to ERR_INPUT: the path, ": ", the formatted text. Control characters, which the input may
 * have smuggled into either, become "?". Returns -1. */
int field_error(const struct field_path *at, struct error *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Decodes the object J into OBJ, a zeroed struct, or one that holds values: members whose keys are
 * absent keep them, nested objects that are there are decoded into, all else is replaced. AT is
 * where J stands. On failure everything that OBJ owned is freed, and its members in TABLE are zero.
 */
int fields_decode(const struct field *table, void *obj, const struct json *j,
		  const struct field_path *at, struct error *e);
/*
 * Writes OBJ's members into the object that is open in W, in the table's order. Left out are:
 * absent optional scalars, NULL strings and objects, empty arrays and maps, and plain bools that
 * are false and not REQUIRED.
 */
void fields_encode(const struct field *table, const void *obj, struct json_writer *w);
/* Frees what OBJ owns by TABLE (not OBJ itself) and zeroes these members. */
void fields_free(const struct field *table, void *obj);

/* True if every nested table is of the struct that its field holds. For unit tests: the compiler
 * cannot tell. */
bool fields_sound(const struct field *table);

#endif
