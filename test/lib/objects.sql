-- objects.sql - everything that the extension ecml consists of, one line an object, in an order that does not depend on oids
SELECT regexp_replace(line, '[[:space:]]+', ' ', 'g')
FROM (
	SELECT format('%s | %s | %s', pg_describe_object(d.classid, d.objid, 0),
		CASE d.classid
			WHEN 'pg_proc'::regclass THEN (
				SELECT concat_ws(' ', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
					p.provolatile, p.proparallel, p.proisstrict, p.procost, p.prorows, p.proacl,
					pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), a.aggkind, a.aggtransfn,
					a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggtranstype::regtype, a.aggtransspace,
					a.aggfinalextra, a.aggfinalmodify, a.agginitval, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
				FROM pg_proc p LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
				WHERE p.oid = d.objid)
			WHEN 'pg_type'::regclass THEN (
				SELECT concat_ws(' ', t.typtype, t.typcategory, t.typlen, t.typbyval, t.typalign, t.typstorage, t.typinput,
					t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typacl,
					(SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
				FROM pg_type t WHERE t.oid = d.objid)
			WHEN 'pg_class'::regclass THEN (
				SELECT concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
					c.relacl,
					(SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
							attidentity, attgenerated, attacl, pg_get_expr(adbin, adrelid),
							col_description(attrelid, attnum)), ', ' ORDER BY attnum)
						FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
						WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
					(SELECT string_agg(concat_ws(' ', conname, pg_get_constraintdef(oid)), ', ' ORDER BY conname)
						FROM pg_constraint WHERE conrelid = c.oid),
					(SELECT string_agg(pg_get_indexdef(indexrelid), ', ' ORDER BY pg_get_indexdef(indexrelid))
						FROM pg_index WHERE indrelid = c.oid),
					(SELECT string_agg(pg_get_triggerdef(oid), ', ' ORDER BY tgname)
						FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal),
					(SELECT string_agg(concat_ws(' ', polname, polcmd, polroles::regrole[], pg_get_expr(polqual, polrelid),
							pg_get_expr(polwithcheck, polrelid)), ', ' ORDER BY polname)
						FROM pg_policy WHERE polrelid = c.oid),
					CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
					(SELECT 'dumped where "' || e.extcondition[n] || '"'
						FROM pg_extension e, generate_subscripts(e.extconfig, 1) n
						WHERE e.extname = 'ecml' AND e.extconfig[n] = c.oid))
				FROM pg_class c WHERE c.oid = d.objid)
			WHEN 'pg_cast'::regclass THEN (
				SELECT concat_ws(' ', castfunc::regprocedure, castcontext, castmethod) FROM pg_cast WHERE oid = d.objid)
			WHEN 'pg_operator'::regclass THEN (
				SELECT concat_ws(' ', oprcode, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanmerge,
					oprcanhash)
				FROM pg_operator WHERE oid = d.objid)
			WHEN 'pg_namespace'::regclass THEN (
				SELECT nspacl::text FROM pg_namespace WHERE oid = d.objid)
		END,
		obj_description(d.objid, d.classid::regclass::name)) AS line
	FROM pg_depend d
	WHERE d.deptype = 'e'
		AND d.refclassid = 'pg_extension'::regclass
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ecml')
) o
ORDER BY line COLLATE "C";
