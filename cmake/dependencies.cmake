# Everything is packaged by Debian and by Alpine; nothing is vendored.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(OSTREE REQUIRED IMPORTED_TARGET ostree-1>=2022.7)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.85)
# ISA-L is several times as fast as zlib at gzip and deflate; zlib serves where it is missing.
pkg_check_modules(ISAL IMPORTED_TARGET libisal)
find_path(NLOHMANN_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)

add_library(osb_json INTERFACE)
target_include_directories(osb_json SYSTEM INTERFACE ${NLOHMANN_JSON_INCLUDE})
add_library(osb_toml INTERFACE)
target_include_directories(osb_toml SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE})
add_library(osb_cli11 INTERFACE)
target_include_directories(osb_cli11 SYSTEM INTERFACE ${CLI11_INCLUDE})

if(OSB_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
