# Compiler flags every target of the project shares. A member left out of an initializer is zero, by the
# standard and on purpose: tables grow a column without a change to every row. snprintf cuts on purpose: every
# text has a limit with a name.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)

option(IOC_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
option(IOC_COVERAGE "Count executed lines for gcov" OFF)
set(IOC_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")

add_library(ioc_flags INTERFACE)
target_include_directories(ioc_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/shared)
target_compile_definitions(ioc_flags INTERFACE _GNU_SOURCE IOC_VERSION="${PROJECT_VERSION}")
target_compile_options(ioc_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wformat=2 -Wundef -Wno-missing-field-initializers -Werror
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
    -fno-common -fstack-protector-strong -ffunction-sections -fdata-sections
    -include ${CMAKE_SOURCE_DIR}/shared/base/banned.h)
target_link_options(ioc_flags INTERFACE -Wl,--as-needed -Wl,--gc-sections -Wl,-z,relro,-z,now)

if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_definitions(ioc_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
if(IOC_SANITIZE)
    target_compile_options(ioc_flags INTERFACE
        -fsanitize=${IOC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(ioc_flags INTERFACE -fsanitize=${IOC_SANITIZE})
endif()
if(IOC_FUZZ)
    target_compile_options(ioc_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(IOC_COVERAGE)
    target_compile_options(ioc_flags INTERFACE --coverage)
    target_link_options(ioc_flags INTERFACE --coverage)
endif()
# Asserts stay on in release: a supervisor restarts.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
