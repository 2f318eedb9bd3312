/* SPDX-License-Identifier: MIT */
/* OPENFLT_HOST=no-userfaultfd,no-wrgsbase switches host features off, so that users without them
 * can be tested. */
#include "host/host.h"

#include <stdlib.h>
#include <string.h>

const char *host_env(const char *name)
{
    return getenv(name);
}

bool host_feature_off(const char *name)
{
    const char *p = getenv("OPENFLT_HOST");
    size_t n = strlen(name);

    while (p && *p) {
        size_t len = strcspn(p, ",");
        if (len == n + 3 && !strncmp(p, "no-", 3) && !strncmp(p + 3, name, n))
            return true;
        p += len + (p[len] == ',');
    }
    return false;
}
