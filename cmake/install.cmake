# What `cmake --install BUILD [--prefix DIR]` puts in place: the program, its man pages, and completion for bash, zsh and fish.
include(GNUInstallDirs)
install(TARGETS osb-oci RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
file(GLOB OSB_MANUAL_PAGES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)
install(FILES ${OSB_MANUAL_PAGES} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES completion/osb-oci.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME osb-oci)
install(FILES completion/_osb-oci DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES completion/osb-oci.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
