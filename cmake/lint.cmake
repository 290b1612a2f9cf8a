# clang-format and clang-tidy as targets: format, format-check, tidy.
file(GLOB_RECURSE IOC_CODE CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/shared/*.[ch] ${CMAKE_SOURCE_DIR}/gateway/*.[ch]
    ${CMAKE_SOURCE_DIR}/collector/*.[ch] ${CMAKE_SOURCE_DIR}/boards/*.[ch]
    ${CMAKE_SOURCE_DIR}/tests/*.[ch])
set(IOC_TIDY_CODE ${IOC_CODE})
list(FILTER IOC_TIDY_CODE INCLUDE REGEX "/(shared|gateway|collector|boards)/.*\\.c$")

find_program(CLANG_FORMAT NAMES clang-format)
find_program(CLANG_TIDY_RUN NAMES run-clang-tidy)
if(CLANG_FORMAT)
    add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${IOC_CODE} VERBATIM)
    add_custom_target(format-check COMMAND ${CLANG_FORMAT} --dry-run --Werror ${IOC_CODE} VERBATIM)
endif()
if(CLANG_TIDY_RUN)
    add_custom_target(tidy
        COMMAND ${CLANG_TIDY_RUN} -quiet -p ${CMAKE_BINARY_DIR} ${IOC_TIDY_CODE} VERBATIM)
endif()
