/* SPDX-License-Identifier: MIT */
/* SIZE(type, bytes) and AT(type, field, offset): one static assertion each. */
#ifndef OPENFLT_TEST_ABI_LAYOUT_H
#define OPENFLT_TEST_ABI_LAYOUT_H

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#define AT(type, field, offset) \
    _Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)

#endif
