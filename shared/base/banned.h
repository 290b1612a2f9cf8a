/*
 * Functions this project does not call, because a safer one exists. Included before every file by
 * the build; a use stops the compiler with the name of the replacement.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BANNED(name, instead) banned_##name##_use_##instead

#define strcpy(d, s)     BANNED(strcpy, snprintf)
#define strcat(d, s)     BANNED(strcat, buf_str)
#define strncpy(d, s, n) BANNED(strncpy, snprintf)
#define strncat(d, s, n) BANNED(strncat, buf_str)
#define sprintf(...)     BANNED(sprintf, snprintf)
#define vsprintf(...)    BANNED(vsprintf, vsnprintf)
#define gets(s)          BANNED(gets, fgets)
#define strtok(s, d)     BANNED(strtok, strsep)
#define atoi(s)          BANNED(atoi, strtol)
#define atol(s)          BANNED(atol, strtol)
#define atof(s)          BANNED(atof, strtod)
#define gmtime(t)        BANNED(gmtime, gmtime_r)
#define localtime(t)     BANNED(localtime, localtime_r)
#define ctime(t)         BANNED(ctime, clk_utc_format)
#define asctime(t)       BANNED(asctime, clk_utc_format)
#define rand()           BANNED(rand, rng_next)

#endif
