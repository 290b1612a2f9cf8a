# Translations: shared/data/po/LANG.po becomes share/locale/LANG/LC_MESSAGES/ioc.mo beside bin, in the build as in
# an installation. Little-endian on every machine: base/text.c reads that.
include(GNUInstallDirs)
find_program(MSGFMT msgfmt REQUIRED)
file(GLOB IOC_PO CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/shared/data/po/*.po)
set(IOC_MO "")
foreach(po ${IOC_PO})
    get_filename_component(lang ${po} NAME_WE)
    set(folder ${CMAKE_BINARY_DIR}/share/locale/${lang}/LC_MESSAGES)
    add_custom_command(OUTPUT ${folder}/ioc.mo
        COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
        COMMAND ${MSGFMT} --check --endianness=little -o ${folder}/ioc.mo ${po}
        DEPENDS ${po} VERBATIM)
    list(APPEND IOC_MO ${folder}/ioc.mo)
    install(FILES ${folder}/ioc.mo DESTINATION ${CMAKE_INSTALL_DATADIR}/locale/${lang}/LC_MESSAGES)
endforeach()
add_custom_target(texts ALL DEPENDS ${IOC_MO})
