#include "model/name.h"

#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_valid_n(const char *text, size_t len)
{
    if (len == 0 || len > NAME_MAX_LEN || !is_alnum(text[0]))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!is_alnum(text[i]) && text[i] != '-')
            return false;
    return true;
}

bool name_valid(const char *text)
{
    return text && name_valid_n(text, strnlen(text, NAME_SIZE));
}
