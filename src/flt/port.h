/* SPDX-License-Identifier: MIT */
/* port.h - what a server port is; for the transport in src/user, which connects clients to it. */
#ifndef OPENFLT_FLT_PORT_H
#define OPENFLT_FLT_PORT_H

#include "flt/fltx.h"

struct _FLT_PORT {
    LIST_ENTRY Link;
    PFLT_FILTER Filter; /* referenced */
    UNICODE_STRING Name;
    PVOID Cookie;
    PFLT_CONNECT_NOTIFY Connect;
    PFLT_DISCONNECT_NOTIFY Disconnect;
    PFLT_MESSAGE_NOTIFY Message; /* may be NULL */
    LONG MaxConnections;
    FLTX_HELD Held;
};

#endif
