# Every outside library, from Debian 12's packages (tools/setup.sh installs them), as CMake targets.
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)          # libonnx 1.12
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Eigen3 3.4 REQUIRED)    # prune-obs

# libonnx's headers need to know that they were built with the ONNX-ML operators, and are not written for our warnings.
add_library(mcuc_onnx INTERFACE)
target_compile_definitions(mcuc_onnx INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
target_link_libraries(mcuc_onnx INTERFACE onnx onnx_proto protobuf::libprotobuf)

# oneDNN 2.6. Its own CMake package asks for OpenCL's development files, which nothing here uses.
find_library(MCUC_DNNL_LIBRARY dnnl REQUIRED)
find_path(MCUC_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp REQUIRED)
add_library(DNNL::dnnl INTERFACE IMPORTED)
target_include_directories(DNNL::dnnl INTERFACE ${MCUC_DNNL_INCLUDE})
# gomp: the interpreter keeps oneDNN's OpenMP to one thread.
target_link_libraries(DNNL::dnnl INTERFACE ${MCUC_DNNL_LIBRARY} gomp)

# Its CMake package insists on the command line tools of another package.
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
add_library(libzip::zip ALIAS PkgConfig::LIBZIP)
