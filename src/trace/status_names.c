/* SPDX-License-Identifier: MIT */
#include "trace/status_names.h"
#include "trace/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *TrcStatusName(NTSTATUS Status, char Buffer[12])
{
    size_t Low = 0, High = TrcStatusNameCount;

    if (!Status)
        return "STATUS_SUCCESS";        /* shares its value with STATUS_WAIT_0 */
    while (Low < High) {
        size_t Middle = (Low + High) / 2;
        if (TrcStatusNames[Middle].value < (uint32_t)Status)
            Low = Middle + 1;
        else
            High = Middle;
    }
    if (Low < TrcStatusNameCount && TrcStatusNames[Low].value == (uint32_t)Status)
        return TrcStatusNames[Low].name;
    snprintf(Buffer, 12, "0x%08X", (unsigned)Status);
    return Buffer;
}

bool TrcStatusValue(const char *Text, NTSTATUS *Status)
{
    char *End;

    for (size_t i = 0; i < TrcStatusNameCount; i++) {
        if (!strcmp(TrcStatusNames[i].name, Text)) {
            *Status = (NTSTATUS)TrcStatusNames[i].value;
            return true;
        }
    }
    *Status = (NTSTATUS)strtoul(Text, &End, 0);
    return End != Text && !*End && Text[0] >= '0' && Text[0] <= '9';
}
