# What a decision runs through is linked into the programs: calls between gRPC,
# Protocol Buffers, Abseil, RocksDB and our own code then need no indirection,
# and less memory.  What receives fixes of its own from the system stays shared:
# OpenSSL, curl, zlib, c-ares, compression.

# Each imported target of these packages stands for the archive beside its
# shared library from now on, where there is one.
function(pdp_prefer_archives)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  list(FILTER targets INCLUDE REGEX
    "^((absl|gRPC|protobuf|re2|PkgConfig|RocksDB)::.*|yaml-cpp)$")
  foreach(target IN LISTS targets)
    get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
    set(properties IMPORTED_LOCATION)
    if(configurations)
      list(TRANSFORM configurations PREPEND IMPORTED_LOCATION_
        OUTPUT_VARIABLE locations)
      list(APPEND properties ${locations})
    endif()
    foreach(property IN LISTS properties)
      get_target_property(location ${target} ${property})
      if(NOT location)
        continue()
      endif()
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${location}")
      if(EXISTS "${archive}")
        set_target_properties(${target} PROPERTIES ${property} "${archive}")
      endif()
    endforeach()
  endforeach()
endfunction()
