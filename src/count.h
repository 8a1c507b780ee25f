/* How many entries a table has. */
#ifndef COUNT_H
#define COUNT_H

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
