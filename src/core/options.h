/*
 * options.h - options given as jsonb, checked against a typed list
 *
 * A method declares its options as an array that ends with an entry without a name; each has a type, a range, and the
 * place of its value in the method's parameters struct, which holds the defaults before parsing.  Unknown names, wrong
 * types and values out of range are errors that say what would be right.
 */
#ifndef ECML_OPTIONS_H
#define ECML_OPTIONS_H

#include "postgres.h"

#include <math.h>

#include "utils/jsonb.h"

typedef enum EcmlOptionType
{
	ECML_OPTION_INT,			/* int */
	ECML_OPTION_INT64,			/* int64 */
	ECML_OPTION_FLOAT,			/* double */
	ECML_OPTION_SPAN,			/* double of at least 0: a number, or the seconds of an interval given as text */
	ECML_OPTION_BOOL,			/* bool */
	ECML_OPTION_TEXT,			/* char *, palloc'd; NULL by default */
	ECML_OPTION_ENUM,			/* int, the number of the choice */
	ECML_OPTION_OBJECT,			/* Jsonb *, an object; NULL by default */
	ECML_OPTION_LIST,			/* Jsonb *, an array of strings; NULL by default */
	ECML_OPTION_CHOICE,			/* EcmlChoice: one of the choices, or an object */
	ECML_OPTION_NUMBERS,		/* EcmlNumberList: a number, or an array of numbers */
	ECML_OPTION_MIXED,			/* EcmlMixed: a number, or one of the choices */
	ECML_OPTION_JSON,			/* Jsonb *, an object or an array; NULL by default */
	ECML_OPTION_COLUMN,			/* EcmlColumnOrNumber: a number, or the name of a column */
	ECML_OPTION_WORD			/* char *, palloc'd: a string, or a number as it is written; NULL by default */
} EcmlOptionType;

#define ECML_MAX_NUMBERS 16

typedef struct EcmlNumberList
{
	int			n;				/* -1: nothing given */
	double		v[ECML_MAX_NUMBERS];
} EcmlNumberList;

typedef struct EcmlChoice
{
	int			number;			/* of the choice */
	Jsonb	   *object;			/* given instead, or NULL */
} EcmlChoice;

typedef struct EcmlMixed
{
	int			choice;			/* number of the choice; -1: a number is given */
	double		number;
} EcmlMixed;

typedef struct EcmlColumnOrNumber
{
	char	   *column;			/* NULL: a number, or nothing */
	double		number;			/* NaN, or what it is by default: nothing given */
} EcmlColumnOrNumber;

typedef struct EcmlOption
{
	const char *name;
	EcmlOptionType type;
	size_t		offset;			/* in the parameters struct */
	double		low;			/* INT, INT64, FLOAT, NUMBERS, COLUMN: the least and the greatest value allowed */
	double		high;
	const char *const *choices; /* ENUM, CHOICE: the choices, ended by NULL */
	bool		alias;			/* another name of the option before it */
} EcmlOption;

#define ECML_OPT_INT(s, f, name, low, high)   {name, ECML_OPTION_INT, offsetof(s, f), low, high, NULL, false}
#define ECML_OPT_INT64(s, f, name, low, high) {name, ECML_OPTION_INT64, offsetof(s, f), low, high, NULL, false}
#define ECML_OPT_FLOAT(s, f, name, low, high) {name, ECML_OPTION_FLOAT, offsetof(s, f), low, high, NULL, false}
#define ECML_OPT_SPAN(s, f, name)             {name, ECML_OPTION_SPAN, offsetof(s, f), 0, INFINITY, NULL, false}
#define ECML_OPT_BOOL(s, f, name)             {name, ECML_OPTION_BOOL, offsetof(s, f), 0, 0, NULL, false}
#define ECML_OPT_TEXT(s, f, name)             {name, ECML_OPTION_TEXT, offsetof(s, f), 0, 0, NULL, false}
#define ECML_OPT_ENUM(s, f, name, choices)    {name, ECML_OPTION_ENUM, offsetof(s, f), 0, 0, choices, false}
#define ECML_OPT_OBJECT(s, f, name)           {name, ECML_OPTION_OBJECT, offsetof(s, f), 0, 0, NULL, false}
#define ECML_OPT_LIST(s, f, name)             {name, ECML_OPTION_LIST, offsetof(s, f), 0, 0, NULL, false}
#define ECML_OPT_CHOICE(s, f, name, choices)  {name, ECML_OPTION_CHOICE, offsetof(s, f), 0, 0, choices, false}
#define ECML_OPT_NUMBERS(s, f, name, low, high) {name, ECML_OPTION_NUMBERS, offsetof(s, f), low, high, NULL, false}
#define ECML_OPT_MIXED(s, f, name, low, high, choices) {name, ECML_OPTION_MIXED, offsetof(s, f), low, high, choices, false}
#define ECML_OPT_JSON(s, f, name)             {name, ECML_OPTION_JSON, offsetof(s, f), 0, 0, NULL, false}
#define ECML_OPT_WORD(s, f, name)             {name, ECML_OPTION_WORD, offsetof(s, f), 0, 0, NULL, false}
#define ECML_OPT_COLUMN(s, f, name, low, high) {name, ECML_OPTION_COLUMN, offsetof(s, f), low, high, NULL, false}
#define ECML_OPT_ALIAS_INT(s, f, name, low, high)   {name, ECML_OPTION_INT, offsetof(s, f), low, high, NULL, true}
#define ECML_OPT_ALIAS_FLOAT(s, f, name, low, high) {name, ECML_OPTION_FLOAT, offsetof(s, f), low, high, NULL, true}
#define ECML_OPT_ALIAS_TEXT(s, f, name)       {name, ECML_OPTION_TEXT, offsetof(s, f), 0, 0, NULL, true}
#define ECML_OPT_ALIAS_ENUM(s, f, name, choices)    {name, ECML_OPTION_ENUM, offsetof(s, f), 0, 0, choices, true}
#define ECML_OPT_ALIAS_JSON(s, f, name)       {name, ECML_OPTION_JSON, offsetof(s, f), 0, 0, NULL, true}
#define ECML_OPT_END                          {NULL, ECML_OPTION_INT, 0, 0, 0, NULL, false}

/* One list of options with the struct that it fills. */
typedef struct EcmlOptionSet
{
	const EcmlOption *options;	/* NULL: none */
	void	   *params;
} EcmlOptionSet;

/* Fill the params of the sets from jsonb (NULL: nothing given).  what: whose options, for messages ("kmeans"). */
extern void ecml_options_parse(const char *what, Jsonb *jsonb, const EcmlOptionSet *sets, int nsets);

/* Is the text that a TEXT option has a value of that type (a date, a timestamp)?  If not, the type's error, which tells whose it is. */
extern void ecml_options_check_time(const char *what, const char *option, const char *text, Oid type);

/* The values of the sets as JSON text, defaults included; options of type TEXT, OBJECT, LIST, JSON that are NULL, and COLUMN without either, are left out. */
extern char *ecml_options_text(const EcmlOptionSet *sets, int nsets);

#endif							/* ECML_OPTIONS_H */
