# clang-format and clang-tidy as targets: format, format-check, tidy.
file(GLOB_RECURSE IOC_CODE CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/shared/*.[ch] ${CMAKE_SOURCE_DIR}/gateway/*.[ch]
    ${CMAKE_SOURCE_DIR}/collector/*.[ch] ${CMAKE_SOURCE_DIR}/boards/*.[ch]
    ${CMAKE_SOURCE_DIR}/tests/*.[ch])

find_program(CLANG_FORMAT NAMES clang-format)
find_program(CLANG_TIDY NAMES clang-tidy)
find_package(Python3 QUIET COMPONENTS Interpreter)
if(CLANG_FORMAT)
    add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${IOC_CODE} VERBATIM)
    add_custom_target(format-check COMMAND ${CLANG_FORMAT} --dry-run --Werror ${IOC_CODE} VERBATIM)
endif()
if(CLANG_TIDY AND Python3_FOUND)
    add_custom_target(tidy
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/script/tidy
                --tool ${CLANG_TIDY} -p ${CMAKE_BINARY_DIR}
        USES_TERMINAL VERBATIM)
endif()
