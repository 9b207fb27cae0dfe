/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the runtime-spec that a field table cannot say. Within oci/ only: oci_config_parse()
 * and its kin have called these before anybody else sees a config. AT is where the object stands;
 * errors are ERR_INPUT with its path, or ERR_UNSUPPORTED for another major of the spec.
 */
#ifndef OCI_VALIDATE_H
#define OCI_VALIDATE_H

#include "oci/config.h"

int oci_config_validate(const struct oci_config *c, const struct field_path *at, struct error *e);
int oci_process_validate(const struct oci_process *p, const struct field_path *at, struct error *e);
int oci_resources_validate(const struct oci_resources *r, const struct field_path *at,
			   struct error *e);
/* All of linux, with what other parts of C need of its namespaces. AT is the config's root. */
int oci_linux_validate(const struct oci_config *c, const struct field_path *at, struct error *e);
int oci_seccomp_validate(const struct oci_seccomp *s, const struct field_path *at, struct error *e);

/* VALUE must be one of the N words. */
int oci_check_word(const char *const *words, size_t n, const char *value,
		   const struct field_path *at, struct error *e);
#define OCI_CHECK_WORD(words, value, at, e)                                                        \
	oci_check_word((words), ARRAY_SIZE(words), (value), (at), (e))
/* Each of the N values at AT must be one of the words. */
int oci_check_words(const char *const *words, size_t n_words, char *const *values, size_t n,
		    const struct field_path *at, struct error *e);
#define OCI_CHECK_WORDS(words, values, n, at, e)                                                   \
	oci_check_words((words), ARRAY_SIZE(words), (values), (n), (at), (e))
int oci_check_absolute(const char *path, const struct field_path *at, struct error *e);
/* A list of numbers as the kernel's cpulist: "0-3,7". NULL is fine. */
int oci_check_list(const char *list, const struct field_path *at, struct error *e);
/* A name that the kernel takes for a network interface (dev_valid_name()). */
int oci_check_ifname(const char *name, const struct field_path *at, struct error *e);
/* Mappings of user or group ids: user_namespaces(7). */
int oci_check_mappings(const struct oci_id_mapping *m, size_t n, const struct field_path *at,
		       struct error *e);

int oci_mount_validate(const struct oci_mount *m, const struct field_path *at, struct error *e);

/* For the unit test: see fields_sound(). */
bool oci_config_tables_sound(void);

#endif
