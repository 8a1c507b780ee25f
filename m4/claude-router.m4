dnl The checks that configure.ac names, each a few lines.

dnl CR_LIBRARY(VARIABLE, PKG-CONFIG MODULE [>= VERSION], DEBIAN PACKAGE)
dnl Sets VARIABLE_CFLAGS and VARIABLE_LIBS, or notes what to install.
AC_DEFUN([CR_LIBRARY],
  [PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_RESULT([$2 not found: apt install $3])
     CR_MISSING([$2], [$3])])])

dnl CR_LIBRARY_FCGI(VARIABLE, DEBIAN PACKAGE)
dnl libfcgi by its header and library: not every distribution ships fcgi.pc.
AC_DEFUN([CR_LIBRARY_FCGI],
  [cr_saved_LIBS=$LIBS
   LIBS=
   cr_fcgi=no
   AC_CHECK_HEADER([fcgiapp.h], [AC_SEARCH_LIBS([FCGX_Accept_r], [fcgi], [cr_fcgi=yes])])
   $1_LIBS=$LIBS
   LIBS=$cr_saved_LIBS
   AC_SUBST([$1_LIBS])
   AS_IF([test "$cr_fcgi" = no],
     [AC_MSG_NOTICE([libfcgi not found: apt install $2])
      CR_MISSING([libfcgi], [$2])])])

dnl CR_MISSING(WHAT, DEBIAN PACKAGE)
AC_DEFUN([CR_MISSING],
  [cr_missing="$cr_missing
    $1 not found: apt install $2"
   AS_CASE([" $cr_packages "], [*" $2 "*], [], [cr_packages="$cr_packages $2"])])

dnl CR_LIBRARIES_DONE: stops when something is missing, and says all of it.
AC_DEFUN([CR_LIBRARIES_DONE],
  [AS_IF([test -n "$cr_missing"],
    [AC_MSG_ERROR([$cr_missing

  All of it at once: apt install$cr_packages])])])

dnl CR_CFLAGS(VARIABLE, FLAGS): appends those that the compiler knows.
AC_DEFUN([CR_CFLAGS],
  [for cr_flag in m4_normalize([$2]); do
     CR_TRY_FLAG([COMPILE], [$cr_flag], [AS_VAR_APPEND([$1], [" $cr_flag"])])
   done
   AC_SUBST([$1])])

dnl CR_LDFLAGS(VARIABLE, FLAGS): appends those that compiler and linker know.
AC_DEFUN([CR_LDFLAGS],
  [for cr_flag in m4_normalize([$2]); do
     CR_TRY_FLAG([LINK], [$cr_flag], [AS_VAR_APPEND([$1], [" $cr_flag"])])
   done])

dnl CR_LINKED_CFLAGS(VARIABLE, FLAGS, WHAT THEY NEED): all of them together, or an error.
AC_DEFUN([CR_LINKED_CFLAGS],
  [CR_TRY_FLAG([LINK], [m4_normalize([$2])], [$1="m4_normalize([$2])"],
    [AC_MSG_ERROR([$CC cannot link with m4_normalize([$2]): is $3 installed?])])])

dnl CR_TRY_FLAG(COMPILE | LINK, FLAG, IF KNOWN, [IF NOT])
AC_DEFUN([CR_TRY_FLAG],
  [AC_MSG_CHECKING([whether $CC knows $2])
   cr_saved_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS -Werror $2"
   m4_indir([AC_$1_IFELSE], [AC_LANG_PROGRAM()], [cr_known=yes], [cr_known=no])
   CFLAGS=$cr_saved_CFLAGS
   AC_MSG_RESULT([$cr_known])
   AS_IF([test $cr_known = yes], [$3], [$4])])

dnl CR_TIME_64: a time_t of 8 bytes, also where the C library has a choice (32-bit ARM). After AC_SYS_LARGEFILE, without
dnl which the C library refuses it.
AC_DEFUN([CR_TIME_64],
  [AC_MSG_CHECKING([for a time_t of 64 bits])
   CR_TRY_TIME_64([], [AC_MSG_RESULT([yes])],
     [CR_TRY_TIME_64([#define _TIME_BITS 64],
       [AC_MSG_RESULT([with _TIME_BITS])
        AC_DEFINE([_TIME_BITS], [64], [For times after 2038.])],
       [AC_MSG_RESULT([no])
        AC_MSG_ERROR([time_t ends in 2038 here])])])])

dnl CR_TRY_TIME_64(PROLOGUE, IF SO, IF NOT)
AC_DEFUN([CR_TRY_TIME_64],
  [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[$1
#include <time.h>]], [[_Static_assert(sizeof(time_t) == 8, "");]])], [$2], [$3])])

dnl CR_HARDENING: what Debian's own packages get, and a little more.
dnl FORTIFY_SOURCE needs an optimising compiler, and would hide calls from AddressSanitizer.
AC_DEFUN([CR_HARDENING],
  [AC_MSG_CHECKING([whether FORTIFY_SOURCE makes sense])
   AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __OPTIMIZE__
#error not optimising
#endif
     ]])], [cr_fortify=yes], [cr_fortify=no])
   AS_IF([test "$enable_asan" = yes], [cr_fortify=no])
   AC_MSG_RESULT([$cr_fortify])
   AS_IF([test $cr_fortify = yes], [HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
   CR_CFLAGS([HARDEN_CFLAGS], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE])
   CR_LDFLAGS([HARDEN_LDFLAGS], [-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack])])

dnl CR_EXPAND(SHELL TEXT): its value with ${prefix} and the like filled in, for the summary.
AC_DEFUN([CR_EXPAND],
  [cr_expanded="$1"; test "$prefix" = NONE && prefix=/usr/local; test "$exec_prefix" = NONE && exec_prefix=$prefix
   eval "cr_expanded=\"$cr_expanded\""; eval "echo \"$cr_expanded\""])
